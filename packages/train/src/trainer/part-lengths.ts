import { DegenerateNormError, type Program } from "@lobule/tensor";
import { ConfigError } from "./config-error.js";

/**
 * How many slices are in each part when `count` of them are taken `most` at a time.
 * @param alone whether a part may be of one slice. Where it may not, one that is left over is taken with the part before.
 */
export function partLengths(count: number, most: number, alone: boolean): number[] {
  const parts = Array.from({ length: Math.ceil(count / most) }, (_, i) => Math.min(most, count - i * most));
  const [before, last] = parts.slice(-2);
  return alone || before === undefined || last !== 1 ? parts : [...parts.slice(0, -2), before + 1];
}

/** A part of a batch: its slices first … end − 1. */
export interface BatchPart {
  readonly first: number;
  readonly end: number;
}

/** The parts of a batch, in order; see {@link partLengths}. */
export function partsOf(count: number, most: number, alone: boolean): BatchPart[] {
  let end = 0;
  return partLengths(count, most, alone).map((length) => {
    end += length;
    return { first: end - length, end };
  });
}

/** The parts that a rank of `size` runs: the ranks take turns, so that they run parts that follow each other at once. */
export const partsOfRank = (parts: readonly BatchPart[], rank: number, size: number): BatchPart[] =>
  parts.filter((_, i) => i % size === rank);

/** Counts of slices: of an epoch, of a batch, and of the parts that a batch is run in. */
export interface PartSizes {
  readonly slices: number;
  readonly batch: number;
  readonly microBatch: number | null;
}

/**
 * Whether a step can be trained on one slice alone. Batch normalization cannot where the image is one pixel somewhere in
 * the network: the one value of a channel is its own mean.
 * @throws ConfigError when that is so, and every part has one slice only.
 */
export function canTrainAlone(
  plans: { readonly plan: (slices: number) => Program },
  { slices, batch, microBatch }: PartSizes,
): boolean {
  const atOnce = microBatch ?? batch;
  const lengths = partLengths(slices, batch, true).flatMap((length) => partLengths(length, atOnce, true));
  if (!lengths.includes(1)) return true;
  try {
    plans.plan(1);
    return true;
  } catch (error) {
    if (!(error instanceof DegenerateNormError)) throw error;
    if (Math.min(slices, batch) > 1 && atOnce > 1) return false;
    const why =
      slices === 1 ? "there is one slice only to train on" : `${microBatch === 1 ? "microBatch" : "batch"} is 1`;
    throw new ConfigError(`${why}, and the network cannot be trained on one slice alone (${error.message})`);
  }
}
