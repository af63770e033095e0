import { codeMemory } from "@lobule/node";
import type { CodeTrust } from "@lobule/train";
import { flag } from "../command-line/option.js";

/** Of every command that uses a run. */
export const trustCodeOption = flag("run a model's own code though it was not made here");

/** What code may run in a command: what this user's trainings made, or any where the flag says so. */
export const codeTrust = ({ trustCode }: { readonly trustCode: boolean }): CodeTrust => ({ trustCode, codeMemory });
