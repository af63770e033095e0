import {
  extractPatches as extractKernel,
  mergePatches as mergeKernel,
  type PatchGrid,
  packPatchStarts,
  packPatchWeights,
} from "@lobule/kernels-wgsl";
import { constant, f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";

/**
 * Patches of images, row by row and column by column. x [n, c, h, w] → [n · rows · columns, c, patchHeight, patchWidth].
 * Has no gradient.
 * @throws ShapeError when the image has other extents than the grid, or a patch lies outside it.
 */
export function extractPatches<C extends number>(x: Image<C>, grid: PatchGrid): Image<C> {
  const { batch, channels, height, width } = asImage(x.shape);
  requireGrid("extractPatches", grid);
  if (height !== grid.height || width !== grid.width) {
    throw new ShapeError(`extractPatches: x ${printShape(x.shape)} is not an image of ${grid.height}×${grid.width}`);
  }
  const starts = packPatchStarts(grid);
  const kernel = extractKernel({ batch, channels, ...grid });
  const { patchHeight, patchWidth, rows, columns } = grid;
  return applyKernel({
    name: "extract-patches",
    key: JSON.stringify(grid),
    inputs: { input: x, starts: constant(starts, [starts.length], "u32") },
    output: f32([batch * rows.length * columns.length, x.shape[1], patchHeight, patchWidth] as const),
    slotInputs: ["input"],
    lower: (inputs, output, lowering) =>
      lowering.call({ kernel, slots: { input: inputs.input }, bindings: { starts: inputs.starts, output } }),
  });
}

/**
 * The images that patches of {@link extractPatches} make, each pixel the mean of those that hold it, weighted by the
 * product of the profile along both axes. x [n · rows · columns, c, patchHeight, patchWidth] → [n, c, h, w]. Has no gradient.
 * @param profile weight of a place in a patch, along an axis of so many pixels; above 0.
 * @throws ShapeError when there are other patches than those of the grid.
 */
export function mergePatches<C extends number>(
  x: Image<C>,
  grid: PatchGrid,
  profile: (place: number, extent: number) => number,
): Image<C> {
  const { batch: patches, channels, height, width } = asImage(x.shape);
  requireGrid("mergePatches", grid);
  const { patchHeight, patchWidth, rows, columns } = grid;
  const batch = patches / (rows.length * columns.length);
  if (!Number.isInteger(batch) || height !== patchHeight || width !== patchWidth) {
    throw new ShapeError(
      `mergePatches: x ${printShape(x.shape)} are no patches of ${patchHeight}×${patchWidth}, ${rows.length * columns.length} an image`,
    );
  }
  const starts = packPatchStarts(grid);
  const weights = packPatchWeights(grid, profile);
  const kernel = mergeKernel({ batch, channels, ...grid });
  return applyKernel({
    name: "merge-patches",
    key: JSON.stringify(grid),
    inputs: {
      input: x,
      starts: constant(starts, [starts.length], "u32"),
      weights: constant(weights, [weights.length]),
    },
    output: f32([batch, x.shape[1], grid.height, grid.width] as const),
    slotInputs: ["input"],
    lower: (inputs, output, lowering) =>
      lowering.call({
        kernel,
        slots: { input: inputs.input },
        bindings: { starts: inputs.starts, weights: inputs.weights, output },
      }),
  });
}

/** @throws ShapeError when a patch lies outside the image. */
function requireGrid(name: string, { height, width, patchHeight, patchWidth, rows, columns }: PatchGrid): void {
  const fits = (starts: readonly number[], extent: number, patch: number): boolean =>
    starts.length > 0 && starts.every((start) => Number.isInteger(start) && start >= 0 && start + patch <= extent);
  if (fits(rows, height, patchHeight) && fits(columns, width, patchWidth)) return;
  throw new ShapeError(
    `${name}: patches of ${patchHeight}×${patchWidth} at rows ${rows.join(", ")} and columns ${columns.join(", ")} do not lie in ${height}×${width}`,
  );
}
