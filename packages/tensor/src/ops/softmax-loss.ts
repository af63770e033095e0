import { lossByQuads, softmaxLoss as softmaxLossKernels } from "@lobule/kernels-wgsl";
import { constant, f32 } from "../graph/apply.js";
import { applyKernel, applyKernels, applyRemap } from "../graph/named.js";
import type { Image, Lowering, Scalar, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";
import { reshape } from "./channels.js";

/** Terms and weights of a loss on softmax probabilities. */
export interface SoftmaxLossOptions {
  /** Factor of the pixel term (cross-entropy or focal); 1 by default. */
  readonly lambdaCrossEntropy?: number;
  /** Factor of the overlap term (Dice or Tversky); 1 by default. */
  readonly lambdaDice?: number;
  /** Added to numerator and denominator of each score, 2I / (P + T) for Dice; 1e-5 by default. */
  readonly smooth?: number;
  /** Focal exponent γ; 0 (cross-entropy) by default. */
  readonly gamma?: number;
  /** Weights of false positives (α) and false negatives (β) in the overlap; ½ and ½, which is Dice, by default. */
  readonly tversky?: { readonly alpha: number; readonly beta: number };
  /** Of what overlaps are taken: of each class (default) or of all together, in each image (default) or over the batch. */
  readonly overlap?: { readonly of?: "class" | "all-classes"; readonly over?: "image" | "batch" };
  /** What is added to the weight of a pixel within `radius` pixels (0 to 8) of another class; nothing by default. */
  readonly boundary?: { readonly radius: number; readonly weight: number };
  /** Weights of the pixels of each class; all 1 by default. */
  readonly classWeights?: readonly number[];
  /** Weights of each class's overlap term; all 1 by default. */
  readonly diceWeights?: readonly number[];
  /** What the pixel term is divided by: the number of pixels (default), or the sum of their weights, as PyTorch's. */
  readonly normalization?: "pixels" | "weights";
  /** "none" where the input is probabilities already; there is then no pixel term. */
  readonly activation?: "softmax" | "none";
}

/** A loss with its terms and the Dice scores. */
export interface SoftmaxLoss<K extends number = number> {
  /** λ_CE · pixelLoss + λ_Dice · overlapLoss; the only one of the four that gradients flow through. */
  readonly loss: Scalar;
  readonly pixelLoss: Scalar;
  readonly overlapLoss: Scalar;
  /** Soft Dice scores, whatever α and β; [n, classes]. */
  readonly dice: Tensor<readonly [number, K], "f32">;
}

/**
 * Cross-entropy, focal, Dice and Tversky loss on the softmax over classes, and weighted sums of them, in one pass:
 *
 * L = λ_CE · Σ w (1 − p_t)^γ (−log p_t) / N
 *   + λ_Dice · mean over n, c of v_c (1 − (2I + s)/(2I + 2α(P − I) + 2β(T − I) + s))
 *
 * w = w_t, and the boundary weight more where the center of a pixel of another class is within the radius. With
 * α = β = ½ the denominator is Dice's P + T + s. With `overlap` the sums I, P and T are those of the batch, or one overlap is
 * taken of all classes, weighted by (min T / T)² (generalized Dice); the kernel family has the formulas.
 *
 * logits [n, classes, h, w], target [n, h, w] of class indices. At most 16 classes.
 * @throws ShapeError when logits and target, or the number of weights, do not fit together; KernelDeclarationError for
 * more classes or another radius.
 * Source: Milletari et al. 2016 (Dice), Lin et al. 2017 (focal), Salehi et al. 2017 (Tversky), Sudre et al. 2017
 * (generalized Dice), Ronneberger et al. 2015
 * (weights that grow at boundaries); MONAI's DiceCELoss and PyTorch's cross_entropy.
 */
export function softmaxLoss<K extends number>(
  logits: Image<K>,
  target: Tensor<readonly [n: number, h: number, w: number], "u32">,
  options: SoftmaxLossOptions = {},
): SoftmaxLoss<K> {
  const { batch, channels: classes, height, width } = asImage(logits.shape);
  requireTarget(logits, target);
  const weights = weightsOf(options, classes);
  const resolved = resolve(options);
  const problem = { batch, classes, height, width };
  const byPixels = softmaxLossKernels(problem, resolved);
  const kernelsFor = (lowering: Lowering) =>
    lowering.reduction() === "parallel" && lossByQuads(problem, resolved)
      ? softmaxLossKernels(problem, resolved, true)
      : byPixels;
  const key = JSON.stringify(resolved);
  const inputs = { logits, labels: target, classWeights: constant(weights, [2 * classes]) };
  const { result, dice, coefficients } = applyKernels({
    name: "softmax-loss",
    key,
    inputs,
    outputs: {
      result: f32([8]),
      dice: f32([batch, logits.shape[1]] as const),
      coefficients: f32([batch, classes, 2]),
    },
    lower: (from, to, lowering) => {
      const kernels = kernelsFor(lowering);
      const partials = lowering.scratch([kernels.partials]);
      lowering.call({ kernel: kernels.sums, bindings: { ...from, partials } });
      const pooled = kernels.pooled === undefined ? {} : { pooled: lowering.scratch([kernels.pooled]) };
      lowering.call({
        kernel: kernels.finish,
        bindings: { partials, classWeights: from.classWeights, ...pooled, ...to },
      });
    },
  });
  const gradientOf = (upstream: Tensor): Tensor =>
    applyKernel({
      name: "softmax-loss-grad",
      key,
      inputs: { ...inputs, coefficients, result, upstream },
      output: f32(logits.shape),
      halfOutputs: ["output"],
      lower: (from, gradLogits, lowering) =>
        lowering.call({ kernel: kernelsFor(lowering).gradient, bindings: { ...from, gradLogits } }),
    });

  const row = reshape(result, [1, 8, 1, 1]);
  const term = { kind: "slice", name: "loss-term", inputs: { row }, shape: [1, 1, 1, 1] } as const;
  const loss = applyRemap({
    ...term,
    channel: 0,
    unread: { logits },
    gradient: (g) => ({ logits: gradientOf(reshape(g, [1])) }),
  });
  const partOf = (channel: number): Scalar => reshape(applyRemap({ ...term, channel }), [1]);
  return { loss: reshape(loss, [1]), pixelLoss: partOf(1), overlapLoss: partOf(2), dice };
}

/** @throws ShapeError when the target is not a class index for each pixel of the logits. */
function requireTarget(logits: Image, target: Tensor<readonly number[], "u32">): void {
  const { batch, height, width } = asImage(logits.shape);
  if (logits.shape.length !== 4 || printShape(target.shape) !== printShape([batch, height, width])) {
    throw new ShapeError(
      `softmaxLoss: logits are ${printShape(logits.shape)}, so the target must be ${printShape([batch, height, width])}, got ${printShape(target.shape)}`,
    );
  }
  if (target.dtype !== "u32")
    throw new ShapeError(`softmaxLoss: the target must hold u32 class indices, got ${target.dtype}`);
}

/** The weights of the classes' pixels, then those of their overlaps. @throws ShapeError when a class has none. */
function weightsOf(options: SoftmaxLossOptions, classes: number): number[] {
  const ones = Array<number>(classes).fill(1);
  const { classWeights = ones, diceWeights = ones } = options;
  for (const [name, weights] of Object.entries({ classWeights, diceWeights })) {
    if (weights.length !== classes) {
      throw new ShapeError(`softmaxLoss: ${name} has ${weights.length} entries, the logits have ${classes} classes`);
    }
  }
  return [...classWeights, ...diceWeights];
}

function resolve({ activation = "softmax", ...options }: SoftmaxLossOptions) {
  return {
    lambdaCrossEntropy: options.lambdaCrossEntropy ?? (activation === "none" ? 0 : 1),
    lambdaDice: options.lambdaDice ?? 1,
    smooth: options.smooth ?? 1e-5,
    gamma: options.gamma ?? 0,
    tversky: options.tversky ?? { alpha: 0.5, beta: 0.5 },
    overlap: { of: options.overlap?.of ?? "class", over: options.overlap?.over ?? "image" },
    boundary: options.boundary ?? { radius: 0, weight: 0 },
    normalization: options.normalization ?? "pixels",
    activation,
  } as const;
}
