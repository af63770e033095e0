import { BatchReader, type SliceCache, type SliceKey } from "@lobule/data";
import { DiceAccumulator, type DiceCounts, type DiceReadings } from "@lobule/metrics";
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
 * Runs the network on slices by its running statistics.
 * @throws NonFiniteLossError when the loss is NaN or infinite; the signal's reason.
 */
export async function validate(options: ValidationOptions): Promise<Validated> {
  const { cache, programs, preprocessing, classes, slices, atOnce, onProgress, inputSlices, signal } = options;
  const batches: SliceKey[][] = [];
  for (let first = 0; first < slices.length; first += atOnce) batches.push(slices.slice(first, first + atOnce));
  const reader = new BatchReader(cache, batches, {
    window: preprocessing.window,
    expand: (key) => neighborsOf(cache.cases, key, inputSlices),
  });
  const accumulator = new DiceAccumulator(classes);
  const worst = new WorstSlices();
  const sums = { loss: 0, pixelLoss: 0, overlapLoss: 0 };
  let done = 0;
  try {
    for (let next = await reader.next(); next !== undefined; next = await reader.next()) {
      signal?.throwIfAborted();
      const { keys, batch } = next;
      const program = await programs.validation(keys.length);
      const mappings = keys.map((key) => {
        const source = cache.cases[key.case];
        if (source === undefined) throw new RangeError(`no case ${key.case} in the cache`);
        return plainMapping(source, preprocessing);
      });
      const range = { first: 0, end: keys.length, slotPixels: cache.slotPixels, inputSlices };
      await program.run(batchArrays(batch, mappings, range));
      reader.release(batch);
      for (const [n, counts] of countsOf(await program.read("counts"), keys.length, classes).entries()) {
        const key = keys[n];
        if (key === undefined) continue;
        accumulator.addSlice(cache.cases[key.case]?.name ?? "", counts);
        worst.look(key, counts);
      }
      const [row] = await program.metrics();
      for (const name of ["loss", "pixelLoss", "overlapLoss"] as const) {
        sums[name] += (row?.[name] ?? Number.NaN) * keys.length;
      }
      done += keys.length;
      onProgress(done, slices.length);
    }
  } finally {
    await reader.close();
  }
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

/** The overlap of each slice of a batch, from [n, classes, 3]: intersection, predicted, target. */
function countsOf(counts: ArrayLike<number>, slices: number, classes: number): DiceCounts[] {
  return Array.from({ length: slices }, (_, n) => {
    const column = (which: number): number[] =>
      Array.from({ length: classes }, (_, c) => counts[(n * classes + c) * 3 + which] ?? 0);
    return { intersection: column(0), predicted: column(1), target: column(2) };
  });
}
