import { BatchReader, type CachedCase, type SliceCache, type SliceKey, type Window } from "@lobule/data";
import { inverted, packLabelFields } from "@lobule/tensor";
import { type Intensities, isByImage, shownRange, storedAs } from "../model/intensities.js";
import type { SegmentationPrograms } from "./segmentation-programs.js";
import { batchArrays, neighborsOf, type Preprocessing, plainMapping } from "./slice-sampling.js";

/** A slice with its truth and what the network makes of it, on the scan's own grid, rows from the top of the picture. */
export interface SampleSlice {
  readonly caseName: string;
  /** As people count slices of this case. */
  readonly slice: number;
  readonly width: number;
  readonly height: number;
  readonly spacing: readonly [column: number, row: number];
  /** Gray values after windowing, 0 black to 1 white. */
  readonly image: Float32Array;
  readonly truth: Uint8Array;
  readonly prediction: Uint8Array;
}

/** The most slices that are shown. */
const most = 3;

/**
 * Slices that show a run as it learns, the same ones at all times: one of each of up to three cases that are spread over
 * all, the one with the most pixels of the case's highest class.
 */
export function chosenSamples(
  cases: readonly Pick<CachedCase, "labelCounts">[],
  slices: readonly SliceKey[],
): SliceKey[] {
  const numbers = [...new Set(slices.map((key) => key.case))];
  const count = Math.min(most, numbers.length);
  const chosen = Array.from({ length: count }, (_, i) => numbers[Math.floor(((i + 0.5) * numbers.length) / count)]);
  return chosen.flatMap((number) => {
    const keys = slices.filter((key) => key.case === number);
    const pixels = ({ slice }: SliceKey, label: number): number =>
      (number === undefined ? undefined : cases[number]?.labelCounts[slice]?.[label]) ?? 0;
    const classes = Math.max(0, ...keys.map(({ case: at, slice }) => cases[at]?.labelCounts[slice]?.length ?? 0));
    const labels = Array.from({ length: Math.max(0, classes - 1) }, (_, i) => classes - 1 - i);
    const highest = labels.find((label) => keys.some((key) => pixels(key, label) > 0));
    if (highest === undefined) return keys.slice(Math.floor(keys.length / 2), Math.floor(keys.length / 2) + 1);
    return keys.toSorted((a, b) => pixels(b, highest) - pixels(a, highest)).slice(0, 1);
  });
}

export interface LabelOptions {
  readonly cache: SliceCache;
  readonly programs: SegmentationPrograms;
  readonly preprocessing: Preprocessing;
  readonly inputSlices: number;
  /** Slices that validation runs at once: with as many here the kernels are there already. */
  readonly atOnce: number;
}

/** What is drawn black and white, in what slices are stored for: HU, or an image's own z-scores. */
function drawnRange(shown: Intensities): Window {
  if (!isByImage(shown)) return shown.window;
  const { middle, width } = shownRange(shown);
  return [middle - width / 2, middle + width / 2];
}

/**
 * Labels slices by the weights as they are, as validation runs them. Memory on the device is taken for this call only.
 * @throws PlanError, DeviceError, DataError.
 */
export async function labelSamples(options: LabelOptions, slices: readonly SliceKey[]): Promise<SampleSlice[]> {
  const { cache, programs, preprocessing, inputSlices, atOnce } = options;
  const results: SampleSlice[] = [];
  const [black, white] = drawnRange(preprocessing.channels[0]);
  for (let first = 0; first < slices.length; first += atOnce) {
    const keys = slices.slice(first, first + atOnce);
    // A full batch, so that no other shapes are compiled; what fills it is not looked at.
    const [filler] = keys;
    if (filler === undefined) break;
    const full = Array.from({ length: atOnce }, (_, i) => keys[i] ?? filler);
    const reader = new BatchReader(cache, [full], {
      ...storedAs(preprocessing.channels),
      expand: (key) => neighborsOf(cache.cases, key, inputSlices),
    });
    try {
      const read = await reader.next();
      if (read === undefined) break;
      const sources = full.map((key) => caseOf(cache, key));
      const mappings = sources.map((source) => plainMapping(source, preprocessing));
      const { slotPixels, channels } = cache;
      const range = { first: 0, end: atOnce, slotPixels, inputSlices, channels };
      const fields = mappings.map(([{ width, height, transform }]) => ({
        width,
        height,
        transform: inverted(transform),
      }));
      const { pixels, labels, samples } = batchArrays(read.batch, mappings, range);
      const predicted = await programs.labeled(atOnce, { pixels, samples, fields: packLabelFields(fields) });
      const [stored, truth] = [new Int16Array(pixels.buffer, pixels.byteOffset, 2 * pixels.length), bytesOf(labels)];
      keys.forEach((key, n) => {
        const source = caseOf(cache, key);
        const [width, height] = source.shape;
        const part = <T extends { subarray(start: number, end: number): T }>(data: T, slot: number): T =>
          data.subarray(slot * cache.slotPixels, slot * cache.slotPixels + width * height);
        // Of several channels the first is shown.
        const middle = (n * inputSlices + (inputSlices - 1) / 2) * channels;
        const { scale, offset } = read.batch.quantizations[middle] ?? { scale: 1, offset: 0 };
        results.push({
          caseName: source.name,
          slice: key.slice + 1,
          width,
          height,
          spacing: [source.spacing[0], source.spacing[1]],
          // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
          image: Float32Array.from(
            part(stored, middle),
            (value) => (value * scale + offset - black) / (white - black),
          ).reverse(),
          truth: part(truth, n).slice().reverse(),
          prediction: part(predicted, n).slice().reverse(),
        });
      });
      reader.release(read.batch);
    } finally {
      await reader.close();
    }
  }
  return results;
}

const bytesOf = (words: Uint32Array): Uint8Array => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

function caseOf({ cases }: SliceCache, key: SliceKey): CachedCase {
  const source = cases[key.case];
  if (source === undefined) throw new RangeError(`no case ${key.case} in the cache of ${cases.length}`);
  return source;
}
