import { BatchReader, type SliceBatch, type SliceCache, type SliceKey } from "@lobule/data";
import { DiceAccumulator, type DiceCounts, type DiceReadings } from "@lobule/metrics";
import { anyRank, type Collective, gatherTurns } from "../collective/collective.js";
import { storedAs } from "../model/intensities.js";
import { NonFiniteLossError } from "./batch-runner.js";
import type { SegmentationPrograms } from "./segmentation-programs.js";
import { batchArrays, neighborsOf, type Preprocessing, plainMapping } from "./slice-sampling.js";
import { WorstSlices } from "./worst-slices.js";

export interface ValidationOptions {
  readonly cache: SliceCache;
  readonly programs: SegmentationPrograms;
  readonly preprocessing: Preprocessing;
  /** A slice and its neighbors. */
  readonly inputSlices: number;
  /** Number of classes, background included. */
  readonly classes: number;
  readonly slices: readonly SliceKey[];
  /** Slices run at once. */
  readonly atOnce: number;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
  /** The ranks take turns with the batches, and all know the result. */
  readonly world: Collective;
}

/** Means over all slices, and the readings of Dice by class at the network's resolution. */
export interface ValidationResult {
  readonly loss: number;
  readonly pixelLoss: number;
  readonly overlapLoss: number;
  readonly dice: Record<"sliceMean" | "foregroundSliceMean" | "pooled" | "perCase", (number | null)[]>;
}

/** What validation gives: the result, and which slices were labeled worst. */
export interface Validated {
  readonly result: ValidationResult;
  /** Slices of the lowest mean Dice over the classes that truth or prediction have, lowest first; a few at most. */
  readonly worst: readonly SliceKey[];
}

/**
 * Runs the network on slices by its running statistics; undefined where the signal of any rank ended it.
 * @throws NonFiniteLossError when the loss is NaN or infinite.
 */
export async function validate(options: ValidationOptions): Promise<Validated | undefined> {
  const { cache, classes, slices, atOnce } = options;
  const batches: SliceKey[][] = [];
  for (let first = 0; first < slices.length; first += atOnce) batches.push(slices.slice(first, first + atOnce));
  const measured = await measure(options, batches);
  if (measured === undefined) return undefined;
  const accumulator = new DiceAccumulator(classes);
  const worst = new WorstSlices();
  const sums = { loss: 0, pixelLoss: 0, overlapLoss: 0 };
  for (const [i, keys] of batches.entries()) {
    const values = measured[i] ?? new Float32Array();
    const counts = new Uint32Array(values.buffer, 4 * lossNames.length);
    for (const [n, each] of countsOf(counts, keys.length, classes).entries()) {
      const key = keys[n];
      if (key === undefined) continue;
      accumulator.addSlice(cache.cases[key.case]?.name ?? "", each);
      worst.look(key, each);
    }
    for (const [at, name] of lossNames.entries()) sums[name] += (values[at] ?? Number.NaN) * keys.length;
  }
  const done = slices.length;
  if (!Number.isFinite(sums.loss)) {
    throw new NonFiniteLossError(
      `the validation loss became ${sums.loss}; the checkpoints are from before. Use a lower --lr`,
    );
  }
  const readings = accumulator.result();
  const byClass = (name: keyof DiceReadings): (number | null)[] => readings.map((each) => each[name].value);
  const result = {
    loss: sums.loss / done,
    pixelLoss: sums.pixelLoss / done,
    overlapLoss: sums.overlapLoss / done,
    dice: {
      sliceMean: byClass("sliceMean"),
      foregroundSliceMean: byClass("foregroundSliceMean"),
      pooled: byClass("pooled"),
      perCase: byClass("perCase"),
    },
  };
  return { result, worst: worst.slices };
}

const lossNames = ["loss", "pixelLoss", "overlapLoss"] as const;

/**
 * Runs the batches, the ranks in turns, and gives of each its losses and then the bits of its counts, as u32, in an array of its
 * own; undefined where the signal of any rank ended it.
 */
async function measure(
  options: ValidationOptions,
  batches: readonly SliceKey[][],
): Promise<Float32Array<ArrayBuffer>[] | undefined> {
  const { cache, preprocessing, inputSlices, classes, slices, onProgress, signal, world } = options;
  const { rank, size } = world;
  const own = batches.filter((_, i) => i % size === rank);
  const reader = new BatchReader(cache, own, {
    ...storedAs(preprocessing.channels),
    expand: (key) => neighborsOf(cache.cases, key, inputSlices),
  });
  const measured: Float32Array<ArrayBuffer>[] = [];
  let done = 0;
  try {
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      if (signal?.aborted) break;
      measured.push(await measureBatch(options, next.keys, next.batch));
      reader.release(next.batch);
      done += next.keys.length * size;
      onProgress(Math.min(done, slices.length), slices.length);
    }
  } finally {
    await reader.close();
  }
  if (await anyRank(world, signal?.aborted === true && measured.length < own.length)) return undefined;
  if (size === 1) return measured;
  const turns = batches.map((keys, i) => ({ rank: i % size, length: lossNames.length + 3 * classes * keys.length }));
  return gatherTurns(world, measured, turns);
}

async function measureBatch(
  { cache, programs, preprocessing, inputSlices }: ValidationOptions,
  keys: readonly SliceKey[],
  batch: SliceBatch,
): Promise<Float32Array<ArrayBuffer>> {
  const program = await programs.validation(keys.length);
  const mappings = keys.map((key) => {
    const source = cache.cases[key.case];
    if (source === undefined) throw new RangeError(`no case ${key.case} in the cache`);
    return plainMapping(source, preprocessing);
  });
  const { slotPixels, channels } = cache;
  await program.run(batchArrays(batch, mappings, { first: 0, end: keys.length, slotPixels, inputSlices, channels }));
  const counts = Uint32Array.from(await program.read("counts"));
  const [row] = await program.metrics();
  const values = new Float32Array(lossNames.length + counts.length);
  values.set(lossNames.map((name) => row?.[name] ?? Number.NaN));
  new Uint32Array(values.buffer).set(counts, lossNames.length);
  return values;
}

/** The overlap of each slice of a batch, from [n, classes, 3]: intersection, predicted, target. */
function countsOf(counts: ArrayLike<number>, slices: number, classes: number): DiceCounts[] {
  return Array.from({ length: slices }, (_, n) => {
    const column = (which: number): number[] =>
      Array.from({ length: classes }, (_, c) => counts[(n * classes + c) * 3 + which] ?? 0);
    return { intersection: column(0), predicted: column(1), target: column(2) };
  });
}
