import { ceilDivide, foldWorkgroups, type ImageShape, type Kernel } from "../contract/kernel.js";
import source from "./overlap-counts.wgsl.js";
import finishSource from "./overlap-counts-finish.wgsl.js";

/** The most classes that the kernel counts. */
const mostClasses = 16;
/** Pixels that a workgroup counts. */
const chunkPixels = 64 * 64;

/** The two stages that count overlaps. */
export interface OverlapKernels {
  /** Bindings logits (slot), labels, partials. */
  readonly count: Kernel;
  /** Bindings partials, counts. */
  readonly finish: Kernel;
  /** Words of the partial results. */
  readonly partials: number;
}

/**
 * Pixels by sample and class, u32 [n, c, 3]: intersection, predicted, target. What is predicted is the class of the
 * largest logit, the first one among equals.
 * @throws RangeError for more than 16 classes.
 */
export function overlapCounts(shape: ImageShape): OverlapKernels {
  const { batch, channels, height, width } = shape;
  if (channels > mostClasses) throw new RangeError(`overlapCounts: at most ${mostClasses} classes, got ${channels}`);
  const plane = height * width;
  const chunks = ceilDivide(plane, chunkPixels);
  const partials = batch * chunks * channels * 3;
  return {
    partials,
    count: {
      name: "overlap-counts",
      source,
      launches: [{ sizes: { ...shape, chunks }, workgroups: [...foldWorkgroups(batch * chunks), 1] }],
      flops: batch * channels * plane,
      bytes: batch * plane * 4 * (channels + 1),
    },
    finish: {
      name: "overlap-counts-finish",
      source: finishSource,
      launches: [{ sizes: { batch, channels, chunks }, workgroups: [ceilDivide(batch * channels * 3, 64), 1, 1] }],
      flops: partials,
      bytes: 4 * partials,
    },
  };
}
