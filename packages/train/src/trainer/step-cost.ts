import type { Program } from "@lobule/tensor";
import type { StepCost } from "../run/workload.js";
import type { SegmentationPlans } from "./segmentation-programs.js";

/**
 * What a training step on a full batch costs by its plans; nothing is run.
 * @param slices of an epoch, where there are fewer than a batch has.
 */
export function stepCostOf(
  plans: SegmentationPlans,
  parameters: readonly { readonly shape: readonly number[] }[],
  {
    batch,
    microBatch,
    slices: all,
  }: { readonly batch: number; readonly microBatch: number | null; readonly slices: number },
): StepCost {
  const slices = Math.min(batch, all);
  const atOnce = Math.min(microBatch ?? slices, slices);
  const rest = slices % atOnce;
  const parts = [
    { plan: plans.plan(atOnce), times: Math.floor(slices / atOnce) },
    ...(rest === 0 ? [] : [{ plan: plans.plan(rest), times: 1 }]),
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
