import { sha256Hex } from "@lobule/data";
import type { Program } from "@lobule/tensor";
import type { StepCost } from "../run/workload.js";
import { type PartSizes, partLengths } from "./part-lengths.js";
import type { SegmentationPlans } from "./segmentation-programs.js";

/**
 * What a training step on a full batch costs by its plans; nothing is run.
 * @param alone see partLengths.
 */
export function stepCostOf(
  plans: SegmentationPlans,
  parameters: readonly { readonly shape: readonly number[] }[],
  { batch, microBatch, slices: all }: PartSizes,
  alone: boolean,
): StepCost {
  const slices = Math.min(batch, all);
  const lengths = partLengths(slices, microBatch ?? slices, alone);
  const parts = [
    ...[...new Set(lengths)].map((length) => ({
      plan: plans.plan(length),
      times: lengths.filter((each) => each === length).length,
    })),
    ...(microBatch === null ? [] : [{ plan: plans.updatePlan(), times: 1 }]),
  ];
  const flopsOf = ({ calls }: Program): number => calls.reduce((sum, { kernel }) => sum + kernel.flops, 0);
  return {
    parameters: parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    slices,
    flops: parts.reduce((sum, { plan, times }) => sum + times * flopsOf(plan), 0),
    bytes: parts.reduce((sum, { plan, times }) => sum + times * plan.bytesPerRun, 0),
    peakBytes: Math.max(...parts.map(({ plan }) => plan.peakBytes)),
  };
}

/** A hash of all that programs dispatch, kernels and launches; of two that compute alike it is the same. */
export const hashOfPlans = (plans: readonly Program[]): string =>
  sha256Hex(JSON.stringify(plans.flatMap(({ calls }) => calls.map(({ kernel }) => [kernel.source, kernel.launches]))));
