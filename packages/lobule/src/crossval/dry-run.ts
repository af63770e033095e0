import { totalmem } from "node:os";
import { canonicalGrid, channelsOfFile, readDecathlon, readNiftiHeader } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { chooseCases, planRun, type RunPlan, type TrainingConfig } from "@lobule/train";
import { openDevice } from "../shared/open-device.js";
import { say, warn } from "../shared/output.js";
import { bytesText } from "../shared/text.js";
import { freeBytes } from "../shared/writable-outputs.js";
import { compileModel } from "../train/compile-model.js";
import { sliceCacheFolder } from "../train/slice-cache-folder.js";
import { costLines, type PlannedFolds, predictCost } from "./predicted-cost.js";
import { costOf, measureTimes, type StepTimes, timesOnH200 } from "./step-time.js";

/**
 * Says what a cross-validation would take: on the adapter at hand, of which a few steps are timed, or on an H200.
 * @throws DataError, ConfigError, PlanError as the runs would.
 */
export async function showCost(
  config: TrainingConfig,
  { folds, on, cache }: { readonly folds: number; readonly on: "h200" | undefined; readonly cache: string | undefined },
  signal: AbortSignal,
): Promise<void> {
  const device = on === undefined ? await openDevice() : undefined;
  try {
    const { name, kind } = device === undefined ? { name: "an H200", kind: "gpu" } : await adapterChoice();
    const room = device && { device, ...(kind === "gpu" ? {} : { memory: totalmem() }), signal };
    const code = config.model === null ? undefined : await compileModel(config.model);
    const plan = await planRun(
      nodeStorage,
      { ...config, fold: { index: 0, of: folds } },
      {
        code,
        ...(device === undefined ? {} : { kernels: device.kernels }),
        ...(room === undefined ? {} : { room }),
      },
    );
    const planned = await plannedFolds(config, folds, plan);
    const times = await timesOf(plan, device, signal);
    say(`Cross-validation of ${config.data} on ${name}`);
    const cost = predictCost(planned, times);
    say(...costLines(planned, cost, times));
    if (on !== undefined) return;
    const folder = cache ?? (await sliceCacheFolder())(config.data);
    const free = await freeBytes(folder);
    if (free !== undefined && free < cost.cacheBytes) {
      warn(
        `note: ${bytesText(free)} are free in ${folder}, less than the decoded slices take; --cache names another folder`,
      );
    }
  } finally {
    device?.destroy();
  }
}

async function timesOf(
  { programs, step }: RunPlan,
  device: Device | undefined,
  signal: AbortSignal,
): Promise<StepTimes> {
  const [training, validation] = programs;
  if (training === undefined || validation === undefined) throw new RangeError("timesOf: a run has two programs");
  if (device === undefined) return timesOnH200({ training: step, validation: costOf(validation) });
  const times = await measureTimes(device, { training, validation }, { signal, now: () => performance.now() });
  // Of a batch in parts one part was timed.
  return { ...times, training: times.training * (step.flops / costOf(training).flops) };
}

/** Counts cases, slices and voxels by headers. */
async function plannedFolds(config: TrainingConfig, folds: number, plan: RunPlan): Promise<PlannedFolds> {
  const task = await readDecathlon(nodeStorage, config.data);
  const { cases } = await chooseCases(nodeStorage, task, config, []);
  const trainedOn = new Set(plan.split.training);
  let [slices, training, voxels] = [0, 0, 0];
  for (const files of cases) {
    const header = await readNiftiHeader(nodeStorage, files.image, channelsOfFile(files, task));
    const [width, height, depth] = canonicalGrid(header).shape;
    slices += depth;
    if (trainedOn.has(files.name)) training += depth;
    voxels += width * height * depth;
  }
  const { epochs, optimizer, ema } = config;
  return {
    folds,
    cases: cases.length,
    slices,
    voxels,
    channels: task.channels,
    training,
    heldOut: slices - training,
    slicesOfEpoch: plan.slices,
    stepsOfEpoch: Math.round(plan.steps / epochs),
    epochs,
    parameters: plan.step.parameters,
    moments: (optimizer.kind === "sgd" ? 1 : 2) + (ema === null ? 0 : 1),
    peakBytes: plan.step.peakBytes,
  };
}
