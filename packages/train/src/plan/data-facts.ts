import { type CachedCase, Pauses, type SliceCache } from "@lobule/data";
import { quantile } from "@lobule/metrics";

/** Foreground slices of a case, and voxels of each, that intensities and places are judged by. */
const [slicesOfCase, voxelsOfSlice] = [8, 2000];

/** The least, the middle and the most of a figure over the cases. */
export interface Range {
  readonly least: number;
  readonly median: number;
  readonly most: number;
}

/** What a data set holds of a class. */
export interface ClassFacts {
  readonly label: number;
  readonly name: string;
  /** Cases and slices that have it. */
  readonly cases: number;
  readonly slices: number;
  /** Volume in the cases that have it, ml. */
  readonly milliliters: Range;
  /**
   * How far its center lies from the middle of the slices, as a share of their width to the right and of their height to the
   * front, mean over the cases in which it was seen; and the share of these in which it lies on the side of that mean.
   */
  readonly offset: { readonly x: Offset; readonly y: Offset };
}

/** Where a class lies along an axis. */
interface Offset {
  /** Cases in which it was seen. */
  readonly cases: number;
  readonly mean: number;
  readonly agreeing: number;
}

/** What is known of a data set once every volume has been read. */
export interface DataFacts {
  readonly cases: number;
  readonly slices: number;
  /** Slices with any label but background. */
  readonly foregroundSlices: number;
  /** Voxels of a slice in x and in y. */
  readonly width: Range;
  readonly height: Range;
  readonly depth: Range;
  /** mm, in x, y and z. */
  readonly spacing: readonly [Range, Range, Range];
  /** Extents of a slice in x and y, mm. */
  readonly field: { readonly x: Range; readonly y: Range };
  /** Intensities of foreground voxels; as many are taken of each case. */
  readonly foreground: {
    readonly low: number;
    readonly median: number;
    readonly high: number;
    readonly voxels: number;
  };
  readonly classes: readonly ClassFacts[];
}

/** Sums of a class's pixels in the sampled slices of a case. */
interface Center {
  pixels: number;
  x: number;
  y: number;
}

/** What is gathered from the voxels of the sampled slices. */
interface Sampled {
  readonly foreground: number[];
  /** Of each class, the centers in the cases, as shares of width and height from the middle. */
  readonly centers: readonly { readonly x: number[]; readonly y: number[] }[];
}

/**
 * Reads what a plan is made by. Volumes and slices are counted in full; intensities and centers are those of up to 8
 * slices with foreground of each case.
 * @param labels names of the classes, background first.
 * @throws DataError as the cache; the signal's reason.
 */
export async function readDataFacts(
  cache: Pick<SliceCache, "cases" | "labeled">,
  labels: readonly string[],
  signal?: AbortSignal,
): Promise<DataFacts> {
  const { cases } = cache;
  const sampled = await sampleVoxels(cache, labels.length, signal);
  const counts = cases.flatMap(({ labelCounts }) => labelCounts);
  const of = (figure: (each: CachedCase) => number): Range => rangeOf(cases.map(figure));
  const sorted = Float64Array.from(sampled.foreground).sort();
  const at = (share: number): number => (sorted.length === 0 ? Number.NaN : quantile(sorted, share));
  return {
    cases: cases.length,
    slices: counts.length,
    foregroundSlices: counts.filter((each) => each.some((pixels, label) => label > 0 && pixels > 0)).length,
    width: of(({ shape }) => shape[0]),
    height: of(({ shape }) => shape[1]),
    depth: of(({ shape }) => shape[2]),
    field: {
      x: of(({ shape, spacing }) => shape[0] * spacing[0]),
      y: of(({ shape, spacing }) => shape[1] * spacing[1]),
    },
    spacing: [of(({ spacing }) => spacing[0]), of(({ spacing }) => spacing[1]), of(({ spacing }) => spacing[2])],
    // Source: Isensee et al. 2021, nnU-Net: CT is clipped to these percentiles of the foreground.
    foreground: { low: at(0.005), median: at(0.5), high: at(0.995), voxels: sorted.length },
    classes: labels.slice(1).map((name, i) => classFacts(cases, i + 1, name, sampled.centers[i + 1])),
  };
}

/** Of a data set that has not been read, to try whether settings go together at all. */
export const unknownFacts: DataFacts = {
  ...{ cases: 100, slices: 10_000, foregroundSlices: 5000, classes: [] },
  ...{ width: rangeOf([512]), height: rangeOf([512]), depth: rangeOf([100]) },
  spacing: [rangeOf([1]), rangeOf([1]), rangeOf([1])],
  field: { x: rangeOf([512]), y: rangeOf([512]) },
  foreground: { low: 0, median: 0, high: 0, voxels: 0 },
};

function classFacts(
  cases: readonly CachedCase[],
  label: number,
  name: string,
  centers: Sampled["centers"][number] = { x: [], y: [] },
): ClassFacts {
  const pixelsOf = ({ labelCounts }: CachedCase): number[] => labelCounts.map((counts) => counts[label] ?? 0);
  const having = cases.filter((each) => pixelsOf(each).some((pixels) => pixels > 0));
  const milliliters = having.map((each) => {
    const [x, y, z] = each.spacing;
    return (pixelsOf(each).reduce((sum, pixels) => sum + pixels, 0) * x * y * z) / 1000;
  });
  return {
    label,
    name,
    cases: having.length,
    slices: having.reduce((sum, each) => sum + pixelsOf(each).filter((pixels) => pixels > 0).length, 0),
    milliliters: rangeOf(milliliters),
    offset: { x: offsetOf(centers.x), y: offsetOf(centers.y) },
  };
}

function rangeOf(values: readonly number[]): Range {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return { least: 0, median: 0, most: 0 };
  return { least: sorted[0] ?? 0, median: quantile(sorted, 0.5), most: sorted.at(-1) ?? 0 };
}

function offsetOf(centers: readonly number[]): Offset {
  if (centers.length === 0) return { cases: 0, mean: 0, agreeing: 0 };
  const mean = centers.reduce((sum, each) => sum + each, 0) / centers.length;
  const agreeing = centers.filter((each) => each * mean > 0).length / centers.length;
  return { cases: centers.length, mean, agreeing };
}

async function sampleVoxels(
  cache: Pick<SliceCache, "cases" | "labeled">,
  classes: number,
  signal: AbortSignal | undefined,
): Promise<Sampled> {
  const sampled: Sampled = {
    foreground: [],
    centers: Array.from({ length: classes }, () => ({ x: [], y: [] })),
  };
  const pauses = new Pauses(signal);
  for (const [index, { labelCounts, shape }] of cache.cases.entries()) {
    const having = [...labelCounts.keys()].filter((slice) =>
      labelCounts[slice]?.some((pixels, label) => label > 0 && pixels > 0),
    );
    const count = Math.min(slicesOfCase, having.length);
    const centers = Array.from({ length: classes }, (): Center => ({ pixels: 0, x: 0, y: 0 }));
    for (let i = 0; i < count; i++) {
      await pauses.take();
      const slice = having[Math.floor(((i + 0.5) * having.length) / count)] ?? 0;
      addSlice(sampled, centers, await cache.labeled({ case: index, slice }), shape[0]);
    }
    for (const [label, { pixels, x, y }] of centers.entries()) {
      if (label === 0 || pixels === 0) continue;
      sampled.centers[label]?.x.push(x / pixels);
      sampled.centers[label]?.y.push(y / pixels);
    }
  }
  return sampled;
}

function addSlice(
  sampled: Sampled,
  centers: readonly Center[],
  { values, labels }: Awaited<ReturnType<SliceCache["labeled"]>>,
  width: number,
): void {
  const height = labels.length / width;
  const found: number[] = [];
  for (const [at, label] of labels.entries()) {
    if (label === 0) continue;
    found.push(values[at] ?? 0);
    const x = ((at % width) + 0.5) / width - 0.5;
    const y = (Math.floor(at / width) + 0.5) / height - 0.5;
    const center = centers[label];
    if (center === undefined) continue;
    center.pixels++;
    center.x += x;
    center.y += y;
  }
  const step = Math.max(1, found.length / voxelsOfSlice);
  for (let i = 0; i < found.length; i += step) sampled.foreground.push(found[Math.floor(i)] ?? 0);
}
