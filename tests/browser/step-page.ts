import { trainingSteps } from "./training-step.js";

Object.assign(globalThis, { trainingSteps });
