import { flag } from "../command-line/option.js";

/** Of every command that uses a run. */
export const trustCodeOption = flag("run a model's own code though it was not made here");
