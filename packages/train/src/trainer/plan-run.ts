import {
  type CaseFiles,
  canonicalGrid,
  channelsOfFile,
  type DecathlonTask,
  type Grid,
  Pauses,
  readDecathlon,
  readNiftiHeader,
  type Storage,
} from "@lobule/data";
import { LossScaler, WeightAverage } from "@lobule/optim";
import type { ConvolutionCall, Device, Program } from "@lobule/tensor";
import { buildNetwork, inputChannels, type ModelCode, type ModelDescription } from "../model/model-description.js";
import type { StepCost } from "../run/workload.js";
import { optimizerOf } from "../settings/optimizer-of.js";
import { imageChangesOf } from "./augment-slice.js";
import { slicesOfEpoch } from "./batch-order.js";
import { channelNames, channelSettings } from "./channel-settings.js";
import type { TrainingConfig } from "./config-schema.js";
import { canTrainAlone, partLengths } from "./part-lengths.js";
import { chooseCases, describeModel, type SplitNames } from "./prepare-data.js";
import { type ProgramParts, SegmentationPlans } from "./segmentation-programs.js";
import { type Room, requireRoom, requireStorable, requireWholeSlices, validatedAtOnce } from "./size-check.js";
import { inputExtents, splineMemory } from "./slice-sampling.js";
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
  const grids = await gridsOf(storage, cases, task);
  // Intensities change no shape and no dispatch.
  const channels = channelSettings(config, channelNames(task)).map(({ name }) => ({ name, window: [0, 1] as const }));
  const description = describeModel(config, task.labels, channels, code);
  const parts = partsOf(config, description, [...grids.values()], { kernels, code });
  const { network, geometry, patchGeometry } = parts;
  const plans = new SegmentationPlans(parts, config.microBatch === null ? "update" : "add");
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

/** The grid of each case, by its name. */
async function gridsOf(
  storage: Storage,
  cases: readonly CaseFiles[],
  task: Pick<DecathlonTask, "channels">,
): Promise<Map<string, Grid>> {
  const grids = new Map<string, Grid>();
  for (const files of cases) {
    const header = await readNiftiHeader(storage, files.image, channelsOfFile(files, task));
    grids.set(files.name, canonicalGrid(header));
  }
  return grids;
}

/** What the programs of a run on these grids compute with. @throws ConfigError when its network cannot be stored. */
function partsOf(
  config: TrainingConfig,
  description: ModelDescription,
  grids: readonly Grid[],
  { kernels, code }: Required<Pick<PlanOptions, "kernels">> & Pick<PlanOptions, "code">,
): ProgramParts {
  const { precision, recompute, loss, clipNorm, ema } = config;
  const network = buildNetwork(description, config.seed, code);
  requireStorable(network, config);
  const averaged = ema === null ? undefined : buildNetwork(description, config.seed, code);
  const slotPixels = Math.ceil(Math.max(...grids.map(({ shape }) => shape[0] * shape[1])) / 4) * 4;
  const images = inputChannels(description);
  // Of scans that are cropped whole slices count, the most that they can be, since no volume is read.
  const geometry = {
    ...inputExtents(grids, description, network.divisor ?? 1),
    ...splineMemory(grids, description),
    slotPixels,
    images,
  };
  const { patch } = description;
  return {
    network,
    validated: averaged ?? network,
    precision,
    recompute,
    loss,
    clipNorm,
    kernels,
    optimizer: optimizerOf(config.optimizer, network.namedParameters(), config.learningRate),
    average: averaged === undefined || ema === null ? undefined : new WeightAverage(network, averaged, ema),
    geometry,
    patchGeometry: patch && { ...geometry, width: patch[0], height: patch[1] },
    imageChanges: imageChangesOf(config.augmentation),
    scaler: precision === "f16" ? new LossScaler() : undefined,
  };
}
