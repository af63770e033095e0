import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import { quadsOf } from "../contract/quads.js";
import { pointwise } from "../pointwise/pointwise.js";
import source from "./channel-statistics.wgsl.js";
import vectorSource from "./channel-statistics-vector.wgsl.js";

const quadsPerWorkgroup = 256;

/** Sums by channel of an image that no kernel stores, or stores without being able to sum. Slot Input, statistics. */
export function channelStatistics(shape: ImageShape): Kernel {
  return {
    ...pointwise(shape),
    name: "channel-statistics",
    source,
    flops: 3 * imageSize(shape),
    bytes: 4 * imageSize(shape),
  };
}

/**
 * {@link channelStatistics} for GPUs: four pixels of a row at a time. Statistics by the parallel reduction only.
 * @throws RangeError where the width is no multiple of 4.
 */
export function channelStatisticsByQuads(shape: ImageShape): Kernel {
  const { batch, channels, height } = shape;
  const name = "channel-statistics-vector";
  const quads = quadsOf(name, shape);
  const parts = ceilDivide(height * quads, quadsPerWorkgroup);
  const chunks = batch * parts;
  return {
    ...channelStatistics(shape),
    name,
    source: vectorSource,
    launches: [
      { sizes: { channels, height, quads, parts, chunks }, workgroups: [...foldWorkgroups(chunks * channels), 1] },
    ],
    statistics: { partials: chunks, only: "parallel" },
  };
}
