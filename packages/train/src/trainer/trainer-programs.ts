import type { SegmentationNetwork } from "@lobule/nn";
import { alone } from "../collective/collective.js";
import { channelsOf } from "../model/intensities.js";
import { inputChannels, type ModelDescription } from "../model/model-description.js";
import { imageChangesOf } from "./augment-slice.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import type { Learner } from "./learner.js";
import { SegmentationPrograms } from "./segmentation-programs.js";
import {
  inputExtents,
  oddPixelOf,
  type Preprocessing,
  type SliceGrid,
  splineMemory,
  trainedPreprocessing,
} from "./slice-sampling.js";
import type { TrainerOptions } from "./trainer-options.js";

/**
 * How whole slices of the cases become images of the network.
 * @throws ConfigError when the network cannot halve the size or the patch as often as it has to.
 */
export function preprocessingOf(
  config: TrainingConfig,
  model: ModelDescription,
  cases: readonly SliceGrid[],
  { divisor = 1 }: SegmentationNetwork,
): Preprocessing {
  // The patch of a network that is no code of one's own was looked at with its configuration.
  const patch = config.model === null ? [] : (config.patch ?? []);
  const side = [config.size ?? [], patch].flat().find((each) => each % divisor !== 0);
  if (side !== undefined) {
    const option = config.size === null ? "--patch" : "--size";
    throw new ConfigError(`${option} must be a multiple of ${divisor} for this network, got ${side}`);
  }
  return {
    ...inputExtents(cases, model, divisor),
    channels: channelsOf(model),
    spacing: model.spacing,
    resample: config.size !== null,
    oddPixel: oddPixelOf(model),
  };
}

/** The programs that train and validate what the learner holds; none is compiled yet. */
export function programsOf(
  { config, model, cache, device, world = alone }: TrainerOptions,
  { network, validated, optimizer, average, scaler }: Learner,
  whole: Preprocessing,
): SegmentationPrograms {
  const geometry = {
    height: whole.height,
    width: whole.width,
    slotPixels: cache.slotPixels,
    ...splineMemory(cache.cases, model),
    images: inputChannels(model),
  };
  const { height, width } = trainedPreprocessing(whole, model.patch);
  const { loss, clipNorm, precision, recompute, microBatch } = config;
  return new SegmentationPrograms(
    device,
    {
      ...{ network, validated, optimizer, average, loss, clipNorm, scaler },
      geometry,
      patchGeometry: model.patch && { ...geometry, height, width },
      precision,
      recompute,
      kernels: device.kernels,
      storageBuffers: device.gpu.limits.maxStorageBuffersPerShaderStage,
      imageChanges: imageChangesOf(config.augmentation),
    },
    microBatch === null ? "update" : world.size === 1 ? "add" : "keep",
  );
}
