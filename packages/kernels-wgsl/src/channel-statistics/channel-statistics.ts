import { type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import { pointwise } from "../pointwise/pointwise.js";
import source from "./channel-statistics.wgsl.js";

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
