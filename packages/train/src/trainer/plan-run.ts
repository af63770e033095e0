import {
  canonicalGrid,
  channelsOfFile,
  type Grid,
  Pauses,
  readDecathlon,
  readNiftiHeader,
  type Storage,
} from "@lobule/data";
import { LossScaler, WeightAverage } from "@lobule/optim";
import type { ConvolutionCall, Device, Program } from "@lobule/tensor";
import { buildNetwork, inputChannels, type ModelCode } from "../model/model-description.js";
import type { StepCost } from "../run/workload.js";
import { optimizerOf } from "../settings/optimizer-of.js";
import { imageChangesOf } from "./augment-slice.js";
import { slicesOfEpoch } from "./batch-order.js";
import { channelNames, channelSettings } from "./channel-settings.js";
import type { TrainingConfig } from "./config-schema.js";
import { canTrainAlone, partLengths } from "./part-lengths.js";
import { chooseCases, describeModel, type SplitNames } from "./prepare-data.js";
import { SegmentationPlans } from "./segmentation-programs.js";
import { type Room, requireRoom, requireStorable, requireWholeSlices, validatedAtOnce } from "./size-check.js";
import { inputExtents } from "./slice-sampling.js";
import { stepCostOf } from "./step-cost.js";

/** What a run will be, told from headers and plans: no volume is read and no device is used. */
export interface RunPlan {
  readonly split: SplitNames;
  /** Slices of an epoch. */
  readonly slices: number;
  /** Steps of all epochs. */
  readonly steps: number;
  readonly step: StepCost;
  /** The convolutions of a step, to be timed before the run begins. */
  readonly convolutions: readonly ConvolutionCall[];
  /** What an epoch runs, by its plans: to be compiled while the volumes are decoded. */
  readonly programs: readonly Program[];
}

export interface PlanOptions {
  /** Those that suit the adapter. */
  readonly kernels?: Device["kernels"];
  /** Of the configuration's own model. */
  readonly code?: ModelCode | undefined;
  /** What a step must fit into; not looked at where it is not given. */
  readonly room?: Room<Program>;
}

/**
 * What a run would do, without a device: cases, split, sizes, and the memory that a step takes.
 * @throws DataError, ConfigError, PlanError as startRun does, but for what only the volumes or the adapter can tell.
 */
export async function planRun(
  storage: Storage,
  config: TrainingConfig,
  { kernels = "parallel", code, room }: PlanOptions = {},
): Promise<RunPlan> {
  const task = await readDecathlon(storage, config.data);
  const { cases, split } = await chooseCases(storage, task, config, []);
  const grids = new Map<string, Grid>();
  for (const files of cases) {
    const header = await readNiftiHeader(storage, files.image, channelsOfFile(files, task));
    grids.set(files.name, canonicalGrid(header));
  }
  const all = [...grids.values()];
  // Intensities change no shape and no dispatch.
  const channels = channelSettings(config, channelNames(task)).map(({ name }) => ({ name, window: [0, 1] as const }));
  const description = describeModel(config, task.labels, channels, code);
  const network = buildNetwork(description, config.seed, code);
  requireStorable(network, config);
  const { precision, recompute, loss, clipNorm } = config;
  const { divisor = 1 } = network;
  const averaged = config.ema === null ? undefined : buildNetwork(description, config.seed, code);
  const slotPixels = Math.ceil(Math.max(...all.map(({ shape }) => shape[0] * shape[1])) / 4) * 4;
  const { patch } = description;
  const images = inputChannels(description);
  const geometry = { ...inputExtents(all, description, divisor), slotPixels, images };
  const patchGeometry = patch && { ...geometry, width: patch[0], height: patch[1] };
  const plans = new SegmentationPlans(
    {
      network,
      validated: averaged ?? network,
      precision,
      recompute,
      loss,
      clipNorm,
      kernels,
      optimizer: optimizerOf(config.optimizer, network.namedParameters(), config.learningRate),
      average:
        averaged === undefined || config.ema === null ? undefined : new WeightAverage(network, averaged, config.ema),
      geometry,
      patchGeometry,
      imageChanges: imageChangesOf(config.augmentation),
      scaler: precision === "f16" ? new LossScaler() : undefined,
    },
    config.microBatch === null ? "update" : "add",
  );
  const { batch, microBatch, overfitBatches, stepsPerEpoch, fastDevRun, epochs } = config;
  const found = split.training.reduce((sum, name) => sum + (grids.get(name)?.shape[2] ?? 0), 0);
  const there = overfitBatches === null ? found : Math.min(found, overfitBatches * batch);
  const slices = slicesOfEpoch(there, batch, stepsPerEpoch);
  // Each plan of a large network takes seconds.
  const pauses = new Pauses(room?.signal);
  await pauses.take();
  const alone = canTrainAlone(plans, { slices, batch, microBatch });
  const perEpoch = partLengths(slices, batch, alone).length;
  const atOnce = Math.min(microBatch ?? batch, Math.max(slices, 1));
  if (room !== undefined)
    await requireRoom((count) => plans.plan(count), atOnce, room, { ...(patchGeometry ?? geometry), batch });
  if (room !== undefined && patchGeometry !== undefined) {
    await pauses.take();
    const validated = validatedAtOnce(microBatch ?? batch, patchGeometry, geometry);
    requireWholeSlices((count) => plans.validationPlan(count), validated, room, geometry);
  }
  await pauses.take();
  const training = plans.plan(atOnce);
  await pauses.take();
  const programs = [training, plans.validationPlan(1), ...(microBatch === null ? [] : [plans.updatePlan()])];
  await pauses.take();
  return {
    split,
    slices,
    programs,
    steps: fastDevRun ? Math.min(2, perEpoch) : epochs * perEpoch,
    step: stepCostOf(plans, network.parameters(), { batch, microBatch, slices }, alone),
    convolutions: training.convolutions,
  };
}
