import { batchNormEval, batchNormFinish, batchNormGradFinish } from "@lobule/kernels-wgsl";
import { apply, applyOne, constant, type Image, type Tensor, type Vector } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { asImage, DegenerateNormError, printShape, ShapeError } from "../shape.js";
import { statistics } from "./sum.js";

export interface BatchNormOptions<C extends number = number> {
  /** γ, [c]. */
  readonly weight: Vector<C>;
  /** β, [c]. */
  readonly bias: Vector<C>;
  readonly runningMean: Variable;
  readonly runningVariance: Variable;
  /** Whether the batch's own statistics normalise (and update the running ones). */
  readonly training: boolean;
  /** Added to the variance. */
  readonly epsilon: number;
  /** running ← (1 − momentum)·running + momentum·batch; the variance enters unbiased. */
  readonly momentum: number;
}

/**
 * Batch normalisation: y = γ·(x − mean)/√(variance + ε) + β by channel, with the biased variance.
 *
 * x [n, c, h, w] → [n, c, h, w]. In training the statistics ride in the store of the kernel that makes x, and y is
 * pasted into the loads of those that read it. Source: Ioffe and Szegedy 2015; update rule as PyTorch's BatchNorm2d.
 * @throws ShapeError when a vector does not have x's channels, DegenerateNormError in training on one value a channel:
 * PyTorch refuses it as "Expected more than 1 value per channel when training".
 */
export function batchNorm<C extends number>(x: Image<C>, options: BatchNormOptions<C>): Image<C> {
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
  const vectors = [weight, bias, runningMean, runningVariance] as const;
  const key = `${epsilon} ${momentum}`;
  const coefficients = training
    ? applyOne(
        {
          kind: "kernel",
          name: "batch-norm-finish",
          key,
          lower: (lowering, [partials, ...rest], [output]) => {
            const [w, b, mean, variance] = rest as [Tensor, Tensor, Tensor, Tensor];
            lowering.call({
              kernel: batchNormFinish(
                {
                  channels,
                  partials: lowering.partialsOf(partials as Tensor),
                  epsilon,
                  momentum,
                },
                lowering.reduction(),
              ),
              bindings: {
                statistics: partials as Tensor,
                weight: w,
                bias: b,
                runningMean: mean,
                runningVariance: variance,
                coefficients: output as Tensor,
              },
            });
          },
        },
        [statistics("moments", x), ...vectors],
        [channels, 4],
      )
    : applyOne(
        {
          kind: "kernel",
          name: "batch-norm-eval",
          key,
          lower: (lowering, inputs, [output]) => {
            const [w, b, mean, variance] = inputs as [Tensor, Tensor, Tensor, Tensor];
            lowering.call({
              kernel: batchNormEval({ channels, epsilon }),
              bindings: {
                weight: w,
                bias: b,
                runningMean: mean,
                runningVariance: variance,
                coefficients: output as Tensor,
              },
            });
          },
        },
        vectors,
        [channels, 4],
      );
  return normalize(x, coefficients, weight, bias, training);
}

/** The normalisation itself; gradients flow to x, weight and bias. */
const normalize = <C extends number>(
  x: Image<C>,
  coefficients: Tensor,
  weight: Tensor,
  bias: Tensor,
  training: boolean,
): Image<C> =>
  applyOne(
    {
      kind: "pointwise",
      name: "batch-norm",
      wgsl: ([value, k]) => `((${value} - ${k}.z) * ${k}.x + ${k}.y)`,
      coefficients: [1],
      expressionInputs: 2,
      gradient: ([g]) => {
        if (g === undefined) return [];
        const grads = batchNormGradient(g, x, coefficients, training);
        return [grads.x, undefined, grads.weight, grads.bias];
      },
    },
    [x, coefficients, weight, bias],
    x.shape,
  );

/** (x − mean)/√(variance + ε) by channel, with the batch's own statistics and no others kept. x [n, c, h, w]. */
export function normalizeByChannel(x: Tensor, epsilon: number): Tensor {
  const { channels } = asImage(x.shape);
  const [weight, bias] = [1, 0].map((value) => constant(new Float32Array(channels).fill(value), [channels]));
  const coefficients = applyOne(
    {
      kind: "kernel",
      name: "normalize-finish",
      key: String(epsilon),
      lower: (lowering, [partials, ...rest], [output]) =>
        lowering.call({
          kernel: batchNormFinish(
            {
              channels,
              partials: lowering.partialsOf(partials as Tensor),
              epsilon,
              momentum: 0,
            },
            lowering.reduction(),
          ),
          bindings: {
            statistics: partials as Tensor,
            weight: rest[0] as Tensor,
            bias: rest[1] as Tensor,
            runningMean: lowering.scratch([channels]),
            runningVariance: lowering.scratch([channels]),
            coefficients: output as Tensor,
          },
        }),
    },
    [statistics("moments", x), weight as Tensor, bias as Tensor],
    [channels, 4],
  );
  return normalize(x as Image, coefficients, weight as Tensor, bias as Tensor, true);
}

/**
 * With x̂ = (x − mean)·inverseDeviation over M values a channel:
 * ∂γ = Σ g·x̂, ∂β = Σ g, ∂x = γ·inverseDeviation·(g − ∂β/M − x̂·∂γ/M).
 */
function batchNormGradient(g: Tensor, x: Tensor, coefficients: Tensor, training: boolean) {
  const { channels } = asImage(x.shape);
  const product = applyOne(
    {
      kind: "pointwise",
      name: "times-normalized",
      wgsl: ([gradient, value, k]) => `(${gradient} * ((${value} - ${k}.z) * ${k}.w))`,
      coefficients: [2],
    },
    [g, x, coefficients],
    x.shape,
  );
  const vector = { shape: [channels], dtype: "f32" } as const;
  const [gradCoefficients, gradWeight, gradBias] = apply(
    {
      kind: "kernel",
      name: "batch-norm-grad-finish",
      key: String(training),
      lower: (lowering, [partials, k], outputs) => {
        const [gradK, gradW, gradB] = outputs as [Tensor, Tensor, Tensor];
        lowering.call({
          kernel: batchNormGradFinish(
            {
              channels,
              partials: lowering.partialsOf(partials as Tensor),
              trainingStatistics: training,
            },
            lowering.reduction(),
          ),
          bindings: {
            statistics: partials as Tensor,
            coefficients: k as Tensor,
            gradCoefficients: gradK,
            gradWeight: gradW,
            gradBias: gradB,
          },
        });
      },
    },
    [statistics("sums", g, product), coefficients],
    [{ shape: [channels, 4], dtype: "f32" }, vector, vector],
  );
  const gradX = applyOne(
    {
      kind: "pointwise",
      name: "batch-norm-grad",
      wgsl: ([gradient, value, k]) => `(${k}.x * ${gradient} + (${k}.y * (${value} - ${k}.w) + ${k}.z))`,
      coefficients: [2],
    },
    [g, x, gradCoefficients as Tensor],
    x.shape,
  );
  return { x: gradX, weight: gradWeight as Tensor, bias: gradBias as Tensor };
}
