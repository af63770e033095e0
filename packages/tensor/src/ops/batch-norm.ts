import { batchNormEval, batchNormFinish, batchNormGradFinish } from "@lobule/kernels-wgsl";
import { constant, f32 } from "../graph/apply.js";
import { applyKernel, applyKernels, applyPointwise } from "../graph/named.js";
import type { Image, Tensor, Vector } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { asImage, DegenerateNormError, printShape, ShapeError } from "../shape.js";
import type { Update } from "./adam.js";
import { statistics } from "./sum.js";

/** Parameters and statistics of a batch normalization. */
export interface BatchNormOptions<C extends number = number> {
  /** γ, [c]. */
  readonly weight: Vector<C>;
  /** β, [c]. */
  readonly bias: Vector<C>;
  readonly runningMean: Variable;
  readonly runningVariance: Variable;
  /** Whether the batch's own statistics normalize (and update the running ones). */
  readonly training: boolean;
  /** Added to the variance. */
  readonly epsilon: number;
  /** running ← (1 − momentum)·running + momentum·batch; the variance enters unbiased. */
  readonly momentum: number;
}

/**
 * Batch normalization: y = γ·(x − mean)/√(variance + ε) + β by channel, with the biased variance.
 *
 * x [n, c, h, w] → [n, c, h, w]. In training the statistics are fused into the epilogue of the kernel that makes x,
 * and y is inlined into the loads of those that read it. Source: Ioffe and Szegedy 2015; update rule as PyTorch's BatchNorm2d.
 * @throws ShapeError when a vector does not have x's channels, DegenerateNormError in training on one value a channel:
 * PyTorch refuses it as "Expected more than 1 value per channel when training".
 */
export function batchNorm<C extends number>(x: Image<C>, options: BatchNormOptions<NoInfer<C>>): Image<C> {
  const { weight, bias, runningMean, runningVariance, training, epsilon, momentum } = options;
  const { batch, channels, height, width } = asImage(x.shape);
  for (const [name, vector] of Object.entries({ weight, bias, runningMean, runningVariance })) {
    if (vector.shape.length !== 1 || vector.shape[0] !== channels) {
      throw new ShapeError(
        `batchNorm: x ${printShape(x.shape)} has ${channels} channels, ${name} is ${printShape(vector.shape)}`,
      );
    }
  }
  if (training && batch * height * width === 1) {
    throw new DegenerateNormError(
      `batchNorm: x ${printShape(x.shape)} has one value in a channel, and normalizing it by its own mean leaves nothing; train on more than one image at once, on larger ones, or with less depth`,
    );
  }
  const vectors = { weight, bias, runningMean, runningVariance };
  const key = `${epsilon} ${momentum}`;
  const coefficients = training
    ? applyKernel({
        name: "batch-norm-finish",
        key,
        inputs: { statistics: statistics("moments", x), ...vectors },
        output: f32([channels, 4]),
        lower: (inputs, output, lowering) => {
          const partials = lowering.partialsOf(inputs.statistics);
          lowering.call({
            kernel: batchNormFinish({ channels, partials, epsilon, momentum }, lowering.reduction()),
            bindings: { ...inputs, coefficients: output },
          });
        },
      })
    : applyKernel({
        name: "batch-norm-eval",
        key,
        inputs: vectors,
        output: f32([channels, 4]),
        lower: (inputs, output, lowering) =>
          lowering.call({
            kernel: batchNormEval({ channels, epsilon }),
            bindings: { ...inputs, coefficients: output },
          }),
      });
  return normalize(x, coefficients, { weight, bias }, training);
}

/** Running statistics of channels, and how a batch moves them; see {@link BatchNormOptions}. */
export type MovedStatistics = Pick<BatchNormOptions, "runningMean" | "runningVariance" | "momentum">;

/**
 * Moves running statistics, [c], by those of a batch that was normalized elsewhere, at the end of a run: to the bits to which
 * {@link batchNorm} would have moved them, since it is the same kernel.
 * @param batch [c, 4]: of each channel 2, the mean, the unbiased variance, 0. So the kernel finds two values with this mean
 * whose squared distances from it are, divided by 2 − 1, this variance.
 */
export function moveStatistics(
  batch: Tensor<readonly [number, 4], "f32">,
  { runningMean, runningVariance, momentum }: MovedStatistics,
): Update {
  const [channels] = batch.shape;
  // What would normalize is not used.
  const unused = constant(new Float32Array(channels), [channels]);
  return applyKernel({
    name: "move-statistics",
    key: String(momentum),
    inputs: { statistics: batch, weight: unused, bias: unused, runningMean, runningVariance },
    output: f32([channels, 4]),
    lower: (inputs, output, lowering) =>
      lowering.atEnd({
        kernel: batchNormFinish({ channels, partials: 1, epsilon: 1, momentum }, lowering.reduction()),
        bindings: { ...inputs, coefficients: output },
      }),
  });
}

/** One vec4f a channel, [c, 4]. */
type Coefficients = Tensor<readonly [number, 4], "f32">;

/** The normalization itself; gradients flow to x, weight and bias. */
const normalize = <C extends number>(
  x: Image<C>,
  coefficients: Coefficients,
  unread: { readonly weight: Tensor; readonly bias: Tensor },
  training: boolean,
): Image<C> =>
  applyPointwise({
    name: "batch-norm",
    inputs: { x, coefficients },
    unread,
    shape: x.shape,
    coefficients: ["coefficients"],
    wgsl: ({ x: value, coefficients: k }) => `((${value} - ${k}.z) * ${k}.x + ${k}.y)`,
    gradient: (g, inputs) => batchNormGradient(g, inputs.x, inputs.coefficients, training),
  });

/** (x − mean)/√(variance + ε) by channel, with the batch's own statistics and no others kept. x [n, c, h, w]. */
export function normalizeByChannel(x: Image, epsilon: number): Image {
  const { channels } = asImage(x.shape);
  const weight = constant(new Float32Array(channels).fill(1), [channels]);
  const bias = constant(new Float32Array(channels), [channels]);
  const coefficients = applyKernel({
    name: "normalize-finish",
    key: String(epsilon),
    inputs: { statistics: statistics("moments", x), weight, bias },
    output: f32([channels, 4]),
    lower: (inputs, output, lowering) => {
      const partials = lowering.partialsOf(inputs.statistics);
      lowering.call({
        kernel: batchNormFinish({ channels, partials, epsilon, momentum: 0 }, lowering.reduction()),
        bindings: {
          ...inputs,
          runningMean: lowering.scratch([channels]),
          runningVariance: lowering.scratch([channels]),
          coefficients: output,
        },
      });
    },
  });
  return normalize(x, coefficients, { weight, bias }, true);
}

/**
 * With x̂ = (x − mean)·inverseDeviation over M values a channel:
 * ∂γ = Σ g·x̂, ∂β = Σ g, ∂x = γ·inverseDeviation·(g − ∂β/M − x̂·∂γ/M).
 */
function batchNormGradient(g: Image, x: Image, coefficients: Coefficients, training: boolean) {
  const { channels } = asImage(x.shape);
  const product = applyPointwise({
    name: "times-normalized",
    inputs: { g, x, coefficients },
    shape: x.shape,
    coefficients: ["coefficients"],
    wgsl: ({ g: gradient, x: value, coefficients: k }) => `(${gradient} * ((${value} - ${k}.z) * ${k}.w))`,
  });
  const { gradCoefficients, gradWeight, gradBias } = applyKernels({
    name: "batch-norm-grad-finish",
    key: String(training),
    inputs: { statistics: statistics("sums", g, product), coefficients },
    outputs: { gradCoefficients: f32([channels, 4]), gradWeight: f32([channels]), gradBias: f32([channels]) },
    lower: (inputs, outputs, lowering) => {
      const partials = lowering.partialsOf(inputs.statistics);
      lowering.call({
        kernel: batchNormGradFinish({ channels, partials, trainingStatistics: training }, lowering.reduction()),
        bindings: { ...inputs, ...outputs },
      });
    },
  });
  const gradX = applyPointwise({
    name: "batch-norm-grad",
    inputs: { g, x, gradCoefficients },
    shape: x.shape,
    coefficients: ["gradCoefficients"],
    wgsl: ({ g: gradient, x: value, gradCoefficients: k }) =>
      `(${k}.x * ${gradient} + (${k}.y * (${value} - ${k}.w) + ${k}.z))`,
  });
  return { x: gradX, weight: gradWeight, bias: gradBias };
}
