import type { PatchGrid } from "@lobule/tensor";
import type { ModelDescription } from "../model/model-description.js";
import { inputExtents, resampledExtents, type SliceGrid } from "../trainer/slice-sampling.js";

/** How far a patch is from the next, as a share of its extent. Source: Isensee et al. 2021, nnU-Net. */
export const usualStep = 0.5;

/** To the nearest whole number; from the middle to the even one, as Python and numpy have it. */
const roundHalfEven = (value: number): number => {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
};

/**
 * Where patches begin along an axis: as few as lie at most `step` patches apart, evenly spread from end to end.
 *
 * Source: nnU-Net v2, `compute_steps_for_sliding_window`.
 * @param extent at least that of a patch.
 * @param step share of a patch, above 0 and at most 1.
 */
export function patchStarts(extent: number, patch: number, step: number): number[] {
  const last = extent - patch;
  const count = Math.ceil(last / (patch * step)) + 1;
  return Array.from({ length: count }, (_, i) => (count === 1 ? 0 : roundHalfEven((last / (count - 1)) * i)));
}

/**
 * What a place in a patch weighs along an axis: a Gaussian about the patch's middle whose standard deviation is an eighth
 * of the patch, since networks are less sure near the edge of what they see.
 *
 * Source: Isensee et al. 2021, nnU-Net; `compute_gaussian` of version 2.
 */
export const gaussianProfile = (place: number, extent: number): number =>
  Math.exp(-0.5 * ((place - Math.floor(extent / 2)) / (extent / 8)) ** 2);

/** Patches that cover a field which is at least as large as one; undefined where that is a patch itself. */
export function patchGrid(
  { width, height }: { readonly width: number; readonly height: number },
  [patchWidth, patchHeight]: readonly [width: number, height: number],
  step: number,
): PatchGrid | undefined {
  if (width === patchWidth && height === patchHeight) return undefined;
  const rows = patchStarts(height, patchHeight, step);
  const columns = patchStarts(width, patchWidth, step);
  return { width, height, patchWidth, patchHeight, rows, columns };
}

/**
 * Extents of the image that a network sees of a slice, as a whole or in patches: at its pixel spacing, up to the next
 * multiples of `divisor`, or to a patch at least.
 */
export function fieldOf(
  source: SliceGrid,
  { size, spacing, patch }: Pick<ModelDescription, "size" | "spacing" | "patch">,
  divisor: number,
): { readonly width: number; readonly height: number } {
  if (patch === undefined) return inputExtents([source], { size, spacing }, divisor);
  const { width, height } = resampledExtents(source, spacing);
  return { width: Math.max(width, patch[0]), height: Math.max(height, patch[1]) };
}
