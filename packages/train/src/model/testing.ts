import { referenceSpec } from "@lobule/nn";
import type { ModelDescription } from "./model-description.js";

/** The smallest model of one class, for tests. */
export const smallDescription: ModelDescription = {
  version: 1,
  architecture: "UNet",
  network: referenceSpec,
  inputSlices: 1,
  classes: ["background", "liver"],
  baseFeatures: 1,
  depth: 1,
  size: 16,
  window: [-160, 240],
  preset: null,
};
