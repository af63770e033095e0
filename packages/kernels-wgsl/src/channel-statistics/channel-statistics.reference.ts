import type { ImageShape } from "../contract/kernel.js";

export interface ChannelSums {
  readonly count: number;
  readonly sum: number;
  /** Σ (value − mean)². */
  readonly squares: number;
}

/** Count, sum and squared distances from the mean of each channel of an image. */
export function channelStatisticsReference(
  input: ArrayLike<number>,
  { batch, channels, height, width }: ImageShape,
): ChannelSums[] {
  const pixels = height * width;
  return Array.from({ length: channels }, (_, c) => {
    const count = batch * pixels;
    let sum = 0;
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < pixels; i++) sum += input[(n * channels + c) * pixels + i] as number;
    }
    let squares = 0;
    for (let n = 0; n < batch; n++) {
      for (let i = 0; i < pixels; i++)
        squares += ((input[(n * channels + c) * pixels + i] as number) - sum / count) ** 2;
    }
    return { count, sum, squares };
  });
}
