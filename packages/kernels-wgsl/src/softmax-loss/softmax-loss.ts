import { ceilDivide, foldWorkgroups, type Kernel, KernelDeclarationError } from "../contract/kernel.js";
import { hasQuads, quadPixels } from "../contract/quads.js";
import { withConstant } from "../transforms/wgsl-text.js";
import sumsSource from "./softmax-loss.wgsl.js";
import finishSource from "./softmax-loss-finish.wgsl.js";
import gradSource from "./softmax-loss-grad.wgsl.js";
import gradVectorSource from "./softmax-loss-grad-vector.wgsl.js";
import pooledSource from "./softmax-loss-pooled.wgsl.js";
import sumsVectorSource from "./softmax-loss-vector.wgsl.js";

/** logits [n, classes, h, w] and labels [n, h, w]. */
export interface SoftmaxLossProblem {
  readonly batch: number;
  readonly classes: number;
  readonly height: number;
  readonly width: number;
}

export interface SoftmaxLossOptions {
  /** Factor of the pixel term. */
  readonly lambdaCrossEntropy: number;
  /** Factor of the Dice term. */
  readonly lambdaDice: number;
  /** Added to the numerator and the denominator of each Dice score. */
  readonly smooth: number;
  /** Exponent of the focal loss; 0 is cross-entropy. */
  readonly gamma: number;
  /** Weights of false positives (α) and false negatives (β) in the overlap; Dice has ½ for both. */
  readonly tversky: { readonly alpha: number; readonly beta: number };
  /** Of what the overlaps are taken: of each class or of all together, in each image or over the whole batch. */
  readonly overlap: { readonly of: "class" | "all-classes"; readonly over: "image" | "batch" };
  /** What is added to the weight of a pixel within `radius` pixels of another class; radius 0 for none. */
  readonly boundary: { readonly radius: number; readonly weight: number };
  /** What the pixel term is divided by: the number of pixels, or the sum of their weights, as PyTorch's. */
  readonly normalization: "pixels" | "weights";
  /** `none` where the input is probabilities already; there is then no pixel term. */
  readonly activation: "softmax" | "none";
}

/** The kernels of a loss, in the order in which they run. */
export interface SoftmaxLossKernels {
  /** logits, labels, classWeights → partials. */
  readonly sums: Kernel;
  /** partials, classWeights, and `pooled` where there is such → result, dice, coefficients. */
  readonly finish: Kernel;
  /** logits, labels, classWeights, coefficients, result, upstream → gradLogits. */
  readonly gradient: Kernel;
  /** Elements of `partials`. */
  readonly partials: number;
  /** Elements of `pooled`; undefined where each overlap is taken of one class of one image. */
  readonly pooled: number | undefined;
}

const maxClasses = 16;
/** A pixel looks at (2·radius + 1)² labels. */
const largestRadius = 8;
const lanes = 64;
const finishLanes = 256;
const shortestSegment = 4 * lanes;
const wantedWorkgroups = 2048;

/** Whether {@link softmaxLoss} can read such images four pixels at a time: rows of whole quads, no pixel that looks around. */
export const lossByQuads = (problem: SoftmaxLossProblem, { boundary }: Pick<SoftmaxLossOptions, "boundary">): boolean =>
  hasQuads(problem) && boundary.radius === 0;

/**
 * Cross-entropy, focal loss, Dice or Tversky loss and their weighted sums, on the softmax over classes.
 *
 * L = λ_CE · Σ w (1 − p_t)^γ (−log p_t) / N
 *   + λ_Dice · mean over n, c of v_c (1 − (2I + s) / (2I + 2α(P − I) + 2β(T − I) + s))
 *
 * with I, P and T of each image, or over the batch, where the mean is then over c alone; or, of all classes together,
 *
 *   + λ_Dice · mean over n of 1 − (2 Σ_c u_c I + s) / (Σ_c u_c (2I + 2α(P − I) + 2β(T − I)) + s), u_c = v_c (min T / T_c)²,
 *
 * the least T over classes that are there and have v > 0; a class that is not there has u_c = v_c.
 * t is a pixel's label and p_t its probability; w = w_t, and the boundary weight more where the center of a pixel of
 * another class lies within the radius; N the number of pixels or Σ w; I = Σ p_c [t = c], P = Σ p_c and T = Σ [t = c]
 * over the pixels of an image. A pixel whose label is no class counts nowhere. With α = β = ½ the overlap is Dice's.
 *
 * `classWeights` [2, classes] holds w, then v. `result` [8] gets the loss, the pixel term, the Dice term (both without
 * λ), λ_CE / N, N and the number of pixels that count; `dice` [n, classes] the Dice scores, whatever α and β; `coefficients` [n, classes] of
 * vec2f λ_Dice · d(Dice term)/dp of the pixels of the class and of the others. `upstream` [1] is the loss's gradient.
 * `byQuads` are kernels for GPUs that take four pixels of a row at a time ({@link lossByQuads}).
 * @throws KernelDeclarationError for more than 16 classes, a pixel term on probabilities, or a radius that is no whole
 * number from 0 to 8; RangeError where images cannot be read by quads.
 * Source: Milletari et al. 2016 and Isensee et al. 2021 for the soft Dice without squares; Lin et al. 2017 for γ;
 * Salehi et al. 2017 for α and β; Sudre et al. 2017 for all classes together, whose weights 1/T² are scaled here so that the
 * largest is 1; Ronneberger et al. 2015 for weights that grow at boundaries.
 */
export function softmaxLoss(
  problem: SoftmaxLossProblem,
  options: SoftmaxLossOptions,
  byQuads = false,
): SoftmaxLossKernels {
  const { batch, classes } = problem;
  requirePossible(classes, options);
  const pixels = problem.height * problem.width;
  let segmentLength = shortestSegment;
  while (segmentLength < pixels && batch * ceilDivide(pixels, segmentLength) > wantedWorkgroups) segmentLength *= 2;
  const segments = ceilDivide(pixels, segmentLength);
  const partials = batch * segments * (3 * classes + 2);
  const all = batch * pixels;
  const { suffix, sums, gradient, atOnce, sizes } = byQuads ? ofQuads(problem, options) : ofPixels(problem, options);
  const { finish, pooled } = finishOf(problem, options, segments);
  return {
    sums: {
      name: `softmax-loss${suffix}`,
      source: sums,
      launches: [
        {
          sizes: { ...sizes, segments, segmentLength: segmentLength / atOnce },
          workgroups: [...foldWorkgroups(batch * segments), 1],
        },
      ],
      flops: all * (9 * classes + 8),
      trips: ceilDivide(segmentLength, atOnce * lanes),
      bytes: 4 * (all * (classes + 1) + partials),
    },
    finish,
    gradient: {
      name: `softmax-loss-grad${suffix}`,
      source: gradient,
      launches: [{ sizes, workgroups: [...foldWorkgroups(ceilDivide(all, atOnce * lanes)), 1] }],
      flops: all * (14 * classes + 12),
      bytes: 4 * all * (2 * classes + 1),
    },
    partials,
    pooled,
  };
}

/** The two kernels that read images: their texts, how many pixels an invocation takes at once, and the extents for both. */
interface ImageKernels {
  readonly suffix: string;
  readonly sums: string;
  readonly gradient: string;
  readonly atOnce: number;
  readonly sizes: Readonly<Record<string, number>>;
}

function ofPixels(problem: SoftmaxLossProblem, { activation, gamma, boundary }: SoftmaxLossOptions): ImageKernels {
  const { batch, classes, height, width } = problem;
  const text = (source: string): string =>
    withConstant(withConstant(source, "CLASSES", classes), "RADIUS", boundary.radius);
  const softmax = activation === "softmax" ? 1 : 0;
  const sizes = { batch, pixels: height * width, softmax, gamma, width, boundaryWeight: boundary.weight };
  return { suffix: "", sums: text(sumsSource), gradient: text(gradSource), atOnce: 1, sizes };
}

function ofQuads(problem: SoftmaxLossProblem, options: SoftmaxLossOptions): ImageKernels {
  const { batch, classes, height, width } = problem;
  if (!lossByQuads(problem, options)) {
    throw new RangeError(
      `softmax-loss-vector: a width of ${width} and a boundary radius of ${options.boundary.radius} must be a multiple of 4 and 0`,
    );
  }
  const text = (source: string): string => withConstant(source, "CLASSES", classes);
  const softmax = options.activation === "softmax" ? 1 : 0;
  const sizes = { batch, quads: (height * width) / quadPixels, softmax, gamma: options.gamma };
  return {
    suffix: "-vector",
    sums: text(sumsVectorSource),
    gradient: text(gradVectorSource),
    atOnce: quadPixels,
    sizes,
  };
}

/** @throws KernelDeclarationError as softmaxLoss. */
function requirePossible(classes: number, { lambdaCrossEntropy, activation, boundary }: SoftmaxLossOptions): void {
  if (classes < 1 || classes > maxClasses) {
    throw new KernelDeclarationError(`softmax-loss: ${classes} classes, from 1 to ${maxClasses} are possible`);
  }
  if (activation === "none" && lambdaCrossEntropy !== 0) {
    throw new KernelDeclarationError("softmax-loss: probabilities have a Dice term only. Set lambdaCrossEntropy to 0");
  }
  if (!Number.isInteger(boundary.radius) || boundary.radius < 0 || boundary.radius > largestRadius) {
    throw new KernelDeclarationError(
      `softmax-loss: a boundary radius of ${boundary.radius} pixels, whole numbers from 0 to ${largestRadius} are possible`,
    );
  }
}

/** The kernel that makes the loss of its sums over segments of images, and what it needs in memory. */
function finishOf(
  { batch, classes }: SoftmaxLossProblem,
  { lambdaCrossEntropy, lambdaDice, smooth, tversky, normalization, overlap: { of, over } }: SoftmaxLossOptions,
  segments: number,
): Pick<SoftmaxLossKernels, "finish" | "pooled"> {
  const partials = batch * segments * (3 * classes + 2);
  const terms = {
    lambdaCrossEntropy,
    lambdaDice,
    smoothing: smooth,
    byWeights: normalization === "weights" ? 1 : 0,
    twiceAlpha: 2 * tversky.alpha,
    twiceBeta: 2 * tversky.beta,
  };
  const costs = { flops: partials + 20 * batch * classes, bytes: 4 * (partials + 3 * batch * classes + 8) };
  const kernel = (name: string, source: string, sizes: Readonly<Record<string, number>>): Kernel => ({
    name,
    source: withConstant(source, "CLASSES", classes),
    launches: [{ sizes: { batch, segments, ...sizes, ...terms }, workgroups: [1, 1, 1] }],
    ...costs,
  });
  if (of === "class" && over === "image") {
    let sumLanes = 1;
    while (2 * sumLanes * batch * classes <= finishLanes && sumLanes < segments) sumLanes *= 2;
    return { finish: kernel("softmax-loss-finish", finishSource, { sumLanes }), pooled: undefined };
  }
  const groups = over === "image" ? batch : 1;
  const generalized = of === "class" ? 0 : 1;
  return {
    finish: kernel("softmax-loss-pooled", pooledSource, { groups, generalized }),
    pooled: 4 * (batch + groups) * classes,
  };
}
