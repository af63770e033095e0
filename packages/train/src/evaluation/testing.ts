import { type CaseResult, evaluateCase } from "@lobule/metrics";
import { labelVolume } from "../../../metrics/src/testing.js";

/** Names of the classes of the cases below. */
export const classes = ["background", "liver", "tumor"];

/** A row of eight voxels, 1 ml each. */
export const row = (
  name: string,
  truth: number[],
  prediction: number[],
  names = classes,
  tolerance = 2,
): Promise<CaseResult> =>
  evaluateCase(labelVolume([8, 1, 1], [10, 10, 10], truth), labelVolume([8, 1, 1], [10, 10, 10], prediction), names, {
    name,
    tolerance,
  });

export const found = await row("found", [1, 1, 1, 1, 2, 0, 0, 0], [1, 1, 1, 0, 2, 2, 0, 0]);
export const missed = await row("missed", [1, 1, 0, 0, 0, 0, 2, 0], [1, 1, 0, 0, 0, 0, 0, 0]);
export const invented = await row("invented", [1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 2, 2]);
export const absent = await row("absent", [0, 1, 1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0, 0, 0]);
