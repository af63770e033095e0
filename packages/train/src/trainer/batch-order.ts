import { type CachedCase, type SliceKey, shuffled, uniform } from "@lobule/data";
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
  /** Steps of the epoch; null for as many as all slices make. */
  readonly steps: number | null;
}

/** How many slices an epoch draws, of so many that there are. */
export const slicesOfEpoch = (slices: number, batch: number, steps: number | null): number =>
  steps === null ? slices : steps * batch;

/** Of what the slices that must hold foreground are drawn: of all that hold any, or of a class that is drawn first. */
export type ForegroundDraw = "any" | "class";

/**
 * The slices that hold foreground by the labels as they were read, in the groups that are drawn from alike: one group, or
 * one for each class that there is.
 */
export function foregroundGroups(
  cases: readonly Pick<CachedCase, "labelCounts">[],
  slices: readonly SliceKey[],
  by: ForegroundDraw,
): SliceKey[][] {
  const countsOf = ({ case: at, slice }: SliceKey): readonly number[] => cases[at]?.labelCounts[slice] ?? [];
  const holds = (key: SliceKey, isMeant: (label: number) => boolean): boolean =>
    countsOf(key).some((count, label) => label > 0 && count > 0 && isMeant(label));
  const labels = slices.reduce((most, key) => Math.max(most, countsOf(key).length), 0);
  const groups =
    by === "any"
      ? [slices.filter((key) => holds(key, () => true))]
      : Array.from({ length: labels }, (_, label) => slices.filter((key) => holds(key, (each) => each === label)));
  return groups.filter((group) => group.length > 0);
}

/** Draws the slices of one list again and again, each time in another order. */
class Passes {
  private pass = 0;
  private queue: SliceKey[] = [];

  /** @param orderOf the list in the order of a pass. */
  constructor(private readonly orderOf: (pass: number) => readonly SliceKey[]) {}

  /** The next slice, and the number of the pass that it is of, from 0. */
  next(): { readonly key: SliceKey; readonly pass: number } {
    if (this.queue.length === 0) this.queue = this.orderOf(this.pass++).toReversed();
    const key = this.queue.pop();
    if (key === undefined) throw new RangeError("batchesOfEpoch: there is nothing to draw");
    return { key, pass: this.pass - 1 };
  }
}

/** Draws of a slice in further passes through all slices count from here, above those of any foreground. */
const furtherPasses = 2 ** 20;

/** Whether a slice was drawn because it holds foreground. */
export const isForForeground = ({ draw }: DrawnSlice): boolean => draw % furtherPasses !== 0;

/**
 * The batches of an epoch: as many as all slices make, or as `steps` says, in an order that depends on seed and epoch alone.
 *
 * Of a batch of b slices, b − round(b · (1 − oversample)), the last ones, are drawn from `foreground`: from a group that is
 * drawn at random, each as likely as any other, and of the group in a random order that begins anew, in another order, when
 * it has been gone through. The others follow one another in a random order of all slices, and in others after it. So an
 * epoch with oversampling or steps need not see every slice, and sees some more than once.
 *
 * Source: Isensee et al. 2021, "nnU-Net", supplementary note 2: a third of each batch's samples is guaranteed to hold
 * foreground, of a class that is chosen at random; an epoch is 250 steps.
 */
export function batchesOfEpoch(
  slices: readonly SliceKey[],
  foreground: readonly (readonly SliceKey[])[],
  { seed, epoch, batch, alone, oversample, steps }: BatchOrder,
): DrawnSlice[][] {
  const all = new Passes((pass) => shuffled(slices, seed, "epoch", epoch, ...(pass === 0 ? [] : [pass])));
  const one = foreground.length === 1;
  const groups = foreground.map(
    (group, g) => new Passes((pass) => shuffled(group, seed, "foreground", epoch, pass, ...(one ? [] : [g]))),
  );
  let drawnForeground = 0;
  const drawForeground = (): DrawnSlice => {
    const g = one ? 0 : Math.floor(uniform(seed, "group", epoch, drawnForeground++) * groups.length);
    const group = groups[g];
    if (group === undefined) throw new RangeError("batchesOfEpoch: there is no foreground to draw");
    const { key, pass } = group.next();
    return { ...key, draw: 1 + pass * groups.length + g };
  };
  const drawAny = (): DrawnSlice => {
    const { key, pass } = all.next();
    return { ...key, draw: pass * furtherPasses };
  };
  const sizes = steps === null ? partLengths(slices.length, batch, alone) : Array<number>(steps).fill(batch);
  return sizes.map((size) => {
    const free = Math.round(size * (1 - oversample));
    return Array.from({ length: size }, (_, i) => (i < free ? drawAny() : drawForeground()));
  });
}

/** The slices in batches, in the order in which they are given. @param alone see partLengths. */
export function inBatches(slices: readonly SliceKey[], batch: number, alone: boolean): DrawnSlice[][] {
  let next = 0;
  return partLengths(slices.length, batch, alone).map((length) => {
    next += length;
    return slices.slice(next - length, next).map((key) => ({ ...key, draw: 0 }));
  });
}
