import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import extractSource from "./extract-patches.wgsl.js";
import mergeSource from "./merge-patches.wgsl.js";

/** Patches that cover an image, in rows and columns, and may overlap. */
export interface PatchGrid {
  /** Extents of the image. */
  readonly height: number;
  readonly width: number;
  readonly patchHeight: number;
  readonly patchWidth: number;
  /** The first row of the image in each row of patches, rising; each patch is within the image. */
  readonly rows: readonly number[];
  /** The same of columns. */
  readonly columns: readonly number[];
}

/** The first row, then column, of each row and column of patches, as the kernels read them. */
export const packPatchStarts = ({ rows, columns }: PatchGrid): Uint32Array<ArrayBuffer> =>
  Uint32Array.from([...rows, ...columns]);

/**
 * What each row and column of patches weighs in each row and column of the image, as `mergePatches` reads it: products
 * of both over all patches sum to 1 in every pixel.
 * @param profile weight of a place in a patch, along an axis of so many pixels; above 0.
 */
export function packPatchWeights(
  { height, width, patchHeight, patchWidth, rows, columns }: PatchGrid,
  profile: (place: number, extent: number) => number,
): Float32Array<ArrayBuffer> {
  const along = (starts: readonly number[], extent: number, patch: number): number[] => {
    const weights = starts.flatMap((start) =>
      Array.from({ length: extent }, (_, at) => (at < start || at >= start + patch ? 0 : profile(at - start, patch))),
    );
    const sums = Array.from({ length: extent }, (_, at) =>
      starts.reduce((sum, _start, i) => sum + (weights[i * extent + at] ?? 0), 0),
    );
    return weights.map((weight, i) => (weight === 0 ? 0 : weight / (sums[i % extent] ?? 1)));
  };
  return Float32Array.from([...along(rows, height, patchHeight), ...along(columns, width, patchWidth)]);
}

type PatchProblem = Pick<ImageShape, "batch" | "channels"> & PatchGrid;

function sizesOf({ batch, channels, height, width, patchHeight, patchWidth, rows, columns }: PatchProblem) {
  return { batch, channels, height, width, patchHeight, patchWidth, rows: rows.length, columns: columns.length };
}

const patchElements = ({ batch, channels, patchHeight, patchWidth, rows, columns }: PatchProblem): number =>
  batch * rows.length * columns.length * channels * patchHeight * patchWidth;

/** Patches [n · rows · columns, c, patchHeight, patchWidth] of an image [n, c, h, w]. Slot Input; bindings starts, output. */
export function extractPatches(problem: PatchProblem): Kernel {
  const elements = patchElements(problem);
  return {
    name: "extract-patches",
    source: extractSource,
    launches: [{ sizes: sizesOf(problem), workgroups: [...foldWorkgroups(ceilDivide(elements, 64)), 1] }],
    flops: 0,
    bytes: 8 * elements,
  };
}

/**
 * The image [n, c, h, w] that patches [n · rows · columns, c, patchHeight, patchWidth] make, each pixel the mean of those
 * that hold it by their weights. Slot Input; bindings starts, weights, output.
 */
export function mergePatches(problem: PatchProblem): Kernel {
  const elements = patchElements(problem);
  return {
    name: "merge-patches",
    source: mergeSource,
    launches: [{ sizes: sizesOf(problem), workgroups: [...foldWorkgroups(ceilDivide(imageSize(problem), 64)), 1] }],
    flops: 2 * elements,
    bytes: 4 * (elements + imageSize(problem)),
  };
}
