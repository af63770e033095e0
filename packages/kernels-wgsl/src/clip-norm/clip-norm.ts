import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { withConstant } from "../transforms/wgsl-text.js";
import clipNormSource from "./clip-norm.wgsl.js";
import squareSumsSource from "./square-sums.wgsl.js";

const shortestSegment = 1024;
const mostSegments = 2048;

/** The kernels that clip gradients, in the order in which they run. */
export interface ClipNormKernels {
  /** One for each flat array: gradients → its part of partials. */
  readonly squareSums: readonly Kernel[];
  /** partials, hyper → clippedHyper. */
  readonly finish: Kernel;
  /** Elements of `partials`. */
  readonly partials: number;
}

/**
 * Clips the gradients in flat arrays of the given lengths by their common norm, without touching them: `clippedHyper`
 * [10] gets an optimizer's eight numbers, the factor that it multiplies every gradient with, and 1 where it takes a step.
 *
 * factor = min(1, maxNorm / (‖g‖ + 1e-6)), ‖g‖ = √Σ g² over all arrays.
 *
 * With `scaled`, `hyper` is [10] and comes from the kernel loss-scale: ‖g‖ is that of the unscaled gradients, and the
 * factor both clips and unscales.
 * Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1; the form of
 * torch.nn.utils.clip_grad_norm_.
 */
export function clipNorm(lengths: readonly number[], maxNorm: number, scaled = false): ClipNormKernels {
  let partials = 0;
  const squareSums = lengths.map((length): Kernel => {
    let segmentLength = shortestSegment;
    while (ceilDivide(length, segmentLength) > mostSegments) segmentLength *= 2;
    const segments = ceilDivide(length, segmentLength);
    const first = partials;
    partials += segments;
    return {
      name: "square-sums",
      source: squareSumsSource,
      launches: [{ sizes: { length, segments, segmentLength, first }, workgroups: [...foldWorkgroups(segments), 1] }],
      flops: 2 * length,
      bytes: 4 * (length + segments),
    };
  });
  const finish: Kernel = {
    name: "clip-norm",
    source: scaled ? withConstant(clipNormSource, "SCALED", true) : clipNormSource,
    launches: [{ sizes: { count: partials, maxNorm }, workgroups: [1, 1, 1] }],
    flops: partials,
    bytes: 4 * (partials + (scaled ? 20 : 18)),
  };
  return { squareSums, finish, partials };
}
