import { type CachedCase, type SliceKey, shuffled } from "@lobule/data";
import { partLengths } from "./part-lengths.js";

/** A slice of a batch. */
export interface DrawnSlice extends SliceKey {
  /** How often it may have been drawn in this epoch before: 0 in the order of all slices. */
  readonly draw: number;
}

export interface BatchOrder {
  readonly seed: number;
  readonly epoch: number;
  /** Slices of a batch. */
  readonly batch: number;
  /** Whether the last batch may be of one slice; see partLengths. */
  readonly alone: boolean;
  /** Share of each batch that must hold foreground, 0 to 1. */
  readonly oversample: number;
}

/** Whether a slice holds anything but background, by the labels as they were read. */
export const holdsForeground = (
  cases: readonly Pick<CachedCase, "labelCounts">[],
  { case: at, slice }: SliceKey,
): boolean => cases[at]?.labelCounts[slice]?.some((count, label) => label > 0 && count > 0) ?? false;

/**
 * The batches of an epoch: as many as all slices make, in an order that depends on seed and epoch alone.
 *
 * Of a batch of b slices, b − round(b · (1 − oversample)), the last ones, are drawn from `foreground`: in a random order
 * that begins anew, in another order, when it has been gone through. The others follow one another in a random order of
 * all slices. So with oversampling an epoch does not see every slice, and sees some twice.
 *
 * Source: Isensee et al. 2021, "nnU-Net", supplementary note 2: a third of each batch's samples is guaranteed to hold
 * foreground. There a class is chosen first; here any foreground counts.
 */
export function batchesOfEpoch(
  slices: readonly SliceKey[],
  foreground: readonly SliceKey[],
  { seed, epoch, batch, alone, oversample }: BatchOrder,
): DrawnSlice[][] {
  const order = shuffled(slices, seed, "epoch", epoch);
  const batches: DrawnSlice[][] = [];
  let [next, pass, queue] = [0, 0, [] as SliceKey[]];
  const drawForeground = (): DrawnSlice => {
    if (queue.length === 0) queue = shuffled(foreground, seed, "foreground", epoch, pass++).reverse();
    const key = queue.pop();
    if (key === undefined) throw new RangeError("batchesOfEpoch: there is no foreground to draw");
    return { ...key, draw: pass };
  };
  for (const size of partLengths(slices.length, batch, alone)) {
    const free = Math.round(size * (1 - oversample));
    const drawn = order.slice(next, next + free).map((key): DrawnSlice => ({ ...key, draw: 0 }));
    next += free;
    batches.push([...drawn, ...Array.from({ length: size - free }, drawForeground)]);
  }
  return batches;
}

/** The slices in batches, in the order in which they are given. @param alone see partLengths. */
export function inBatches(slices: readonly SliceKey[], batch: number, alone: boolean): DrawnSlice[][] {
  let next = 0;
  return partLengths(slices.length, batch, alone).map((length) => {
    next += length;
    return slices.slice(next - length, next).map((key) => ({ ...key, draw: 0 }));
  });
}
