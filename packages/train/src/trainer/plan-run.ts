import { canonicalGrid, readDecathlon, readNiftiHeader } from "@lobule/data";
import { Adam } from "../adam.js";
import { LossScaler } from "../loss-scaler.js";
import { buildNetwork } from "../model/model-description.js";
import type { StepCost } from "../run/workload.js";
import { chooseCases, describeModel, type SplitNames } from "./prepare-data.js";
import { SegmentationPlans } from "./segmentation-programs.js";
import { inputExtents } from "./slice-sampling.js";
import { stepCostOf } from "./step-cost.js";
import type { TrainingConfig } from "./training-config.js";

/** What a run will be, told from headers and plans: no volume is read and no device is used. */
export interface RunPlan {
  readonly split: SplitNames;
  /** Slices of an epoch. */
  readonly slices: number;
  /** Steps of all epochs. */
  readonly steps: number;
  readonly step: StepCost;
}

/** @throws DataError, ConfigError, PlanError as startRun does, but for what only the volumes or the adapter can tell. */
export async function planRun(config: TrainingConfig): Promise<RunPlan> {
  const task = await readDecathlon(config.data);
  const { cases, split } = await chooseCases(task, config, []);
  const shapes = new Map<string, readonly [number, number, number]>();
  for (const { name, image } of cases) shapes.set(name, canonicalGrid(await readNiftiHeader(image)).shape);
  const all = [...shapes.values()].map((shape) => ({ shape }));
  // The window changes no shape and no dispatch.
  const network = buildNetwork(describeModel(config, task.labels, [0, 1]), config.seed);
  const slotPixels = Math.ceil(Math.max(...all.map(({ shape }) => shape[0] * shape[1])) / 4) * 4;
  const plans = new SegmentationPlans(
    {
      network,
      adam: new Adam(network.namedParameters(), { learningRate: config.learningRate }),
      geometry: { ...inputExtents(all, config.size, network.divisor), slotPixels },
      precision: config.precision,
      scaler: config.precision === "f16" ? new LossScaler() : undefined,
    },
    config.microBatch !== null,
  );
  const { batch, microBatch, overfitBatches, fastDevRun, epochs } = config;
  const found = split.training.reduce((sum, name) => sum + (shapes.get(name)?.[2] ?? 0), 0);
  const slices = overfitBatches === null ? found : Math.min(found, overfitBatches * batch);
  const perEpoch = Math.ceil(slices / batch);
  return {
    ...{ split, slices },
    steps: fastDevRun ? Math.min(2, perEpoch) : epochs * perEpoch,
    step: stepCostOf(plans, network.parameters(), { batch, microBatch, slices }),
  };
}
