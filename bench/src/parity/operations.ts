import {
  type BatchNorm2d,
  diceCrossEntropy,
  focalLoss,
  ResBlock,
  type Target,
  weightedDiceCrossEntropy,
} from "@lobule/nn";
import {
  addBias,
  attentionGate,
  averagePool,
  batchNorm,
  type Conv2dOptions,
  concatChannels,
  constant,
  conv1x1,
  conv2d,
  conv3x3,
  convTranspose2d,
  convTranspose2x2,
  depthwiseConv3x3,
  gradients,
  hardswish,
  type Image,
  maxPool2x2,
  printShape,
  relu,
  scale,
  scaledDotProductAttention,
  sigmoid,
  softmaxChannels,
  softmaxLoss,
  type Tensor,
  Variable,
  type Vector,
} from "@lobule/tensor";
import { FixtureError, type FixtureObject, type FixtureTensor, numberOf, numbersOf } from "./fixture-files.js";

/** One case of an operation, with its inputs as tensors of a program (targets as u32) and as the file has them. */
export interface OperationInputs {
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly files: ReadonlyMap<string, FixtureTensor>;
  readonly attributes: FixtureObject;
}

/** Reads an output of the program after its run. */
export type ReadOutput = (name: string) => Promise<Float32Array>;

export interface OperationResults {
  /** What the program computes, `output` among them. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Tensors to differentiate by that are not simply the inputs of their names. */
  readonly leaves?: Readonly<Record<string, Tensor>>;
  /** What is known only after the run: changed state, or what follows from other outputs on the host. */
  readonly derived?: Readonly<Record<string, (read: ReadOutput) => Promise<ArrayLike<number>>>>;
  /** Outputs that only `derived` reads. */
  readonly auxiliary?: Readonly<Record<string, Tensor>>;
}

export type BuildOperation = (inputs: OperationInputs) => OperationResults;

type Pattern = readonly (number | null)[];
type Shaped<P extends Pattern> = { readonly [At in keyof P]: P[At] extends number ? P[At] : number };

const hasShape = <P extends Pattern>(tensor: Tensor, pattern: P): tensor is Tensor<Shaped<P>, "f32"> =>
  tensor.dtype === "f32" &&
  tensor.shape.length === pattern.length &&
  pattern.every((extent, i) => extent === null || extent === tensor.shape[i]);

/** A tensor of the file in the type that an operation takes. @throws FixtureError when it has another shape. */
function shaped<const P extends Pattern>(tensor: Tensor | undefined, pattern: P): Tensor<Shaped<P>, "f32"> {
  if (tensor !== undefined && hasShape(tensor, pattern)) return tensor;
  const wanted = pattern.map((extent) => extent ?? "any").join(", ");
  throw new FixtureError(
    `expected a tensor [${wanted}], got ${tensor === undefined ? "none" : printShape(tensor.shape)}`,
  );
}

const heads = (tensor: Tensor | undefined) => shaped(tensor, [null, null, null, null]);

const withBias = (x: Image, bias: Tensor | undefined): Image => (bias === undefined ? x : addBias(x, bias as Vector));

/** A statistic whose value the fixture gives. */
function statistic({ files }: OperationInputs, name: string): Variable<readonly [number]> {
  const { shape, data } = files.get(name) ?? missing(name);
  return new Variable(name, [shape[0] ?? 0], data, "statistic");
}

function missing(name: string): never {
  throw new FixtureError(`the case has no input '${name}'`);
}

const option = ({ attributes }: OperationInputs, name: string): number =>
  numberOf(attributes[name], `attribute ${name}`);

/** Two numbers of a case. */
function pair({ attributes }: OperationInputs, name: string): readonly [number, number] {
  const [first, second] = numbersOf(attributes[name], `attribute ${name}`);
  if (first === undefined || second === undefined) throw new FixtureError(`the attribute ${name} needs two numbers`);
  return [first, second];
}

/** A convolution whose window the case says. */
const windowed =
  (convolution: (x: Image, weight: Kernel2d, options: Conv2dOptions) => Image): BuildOperation =>
  (inputs) => {
    const { x, weight } = inputs.tensors;
    const options = { stride: pair(inputs, "stride"), padding: pair(inputs, "padding") };
    return { outputs: { output: convolution(x as Image, heads(weight), options) } };
  };
type Kernel2d = ReturnType<typeof heads>;

function batchNormCase(inputs: OperationInputs, training: boolean): OperationResults {
  const { x, weight, bias } = inputs.tensors as { readonly [name: string]: Tensor } & {
    x: Image;
    weight: Vector;
    bias: Vector;
  };
  const epsilon = option(inputs, "eps");
  const [mean, variance] = [statistic(inputs, "running_mean"), statistic(inputs, "running_var")];
  const normalize = (runningMean: Variable, runningVariance: Variable, momentum: number): Image =>
    batchNorm(x, { weight, bias, runningMean, runningVariance, training, epsilon, momentum });
  if (!training) return { outputs: { output: normalize(mean, variance, 0) } };
  // With momentum 1 the running statistics become the batch's own, the variance unbiased.
  const [batchMean, batchVariance] = [statistic(inputs, "running_mean"), statistic(inputs, "running_var")];
  const count = x.shape[0] * x.shape[2] * x.shape[3];
  return {
    outputs: { output: normalize(mean, variance, option(inputs, "momentum")) },
    auxiliary: { batchStatistics: normalize(batchMean, batchVariance, 1) },
    derived: {
      running_mean: () => mean.read(),
      running_var: () => variance.read(),
      batch_mean: () => batchMean.read(),
      batch_var: async () => Float64Array.from(await batchVariance.read(), (value) => (value * (count - 1)) / count),
    },
  };
}

/** The position 0 … 3 in each window that a gradient of ones goes to. */
function winners(
  gradient: Float32Array,
  [batch, channels, height, width]: readonly [number, number, number, number],
): number[] {
  const positions: number[] = [];
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let y = 0; y + 1 < height; y += 2) {
      for (let x = 0; x + 1 < width; x += 2) {
        const window = [0, 1, width, width + 1].map((offset) => gradient[(plane * height + y) * width + x + offset]);
        positions.push(window.filter((value) => value !== 0).length === 1 ? window.indexOf(1) : Number.NaN);
      }
    }
  }
  return positions;
}

function residualBlockCase(inputs: OperationInputs): OperationResults {
  const { attributes, files, tensors } = inputs;
  const dotted = (name: string): string => name.replace(/^(conv1|conv2|bn1|bn2|shortcut)_/, "$1.");
  const [outChannels = 0, inChannels = 0] = (files.get("conv1_weight") ?? missing("conv1_weight")).shape;
  const block = new ResBlock({ inChannels, outChannels });
  block.loadStateDict(
    new Map([...files].filter(([name]) => name !== "x").map(([name, tensor]) => [dotted(name), tensor])),
  );
  const norm = block.bn1 as BatchNorm2d<number>;
  for (const [name, value] of [
    ["eps", norm.epsilon],
    ["momentum", norm.momentum],
  ] as const) {
    if (attributes[name] !== value)
      throw new FixtureError(`a residual block has ${name} ${value}, the case asks for ${attributes[name]}`);
  }
  block.train(attributes.train === true);
  const variables = new Map([...block.namedVariables()].map(([name, variable]) => [name.replace(".", "_"), variable]));
  const statistics = attributes.train === true ? [...variables].filter(([, { role }]) => role === "statistic") : [];
  return {
    outputs: { output: block.forward(tensors.x as Image) },
    leaves: Object.fromEntries([...variables].filter(([, { role }]) => role === "parameter")),
    derived: Object.fromEntries(statistics.map(([name, variable]) => [name, () => variable.read()])),
  };
}

const lossWeights = ({ attributes }: OperationInputs) =>
  attributes.weight === undefined ? {} : { classWeights: numbersOf(attributes.weight, "attribute weight") };

/** How each operation of `ops/` is computed. */
export const operations: Readonly<Record<string, BuildOperation>> = {
  conv3x3: ({ tensors: { x, weight, bias } }) => ({
    outputs: { output: withBias(conv3x3(x as Image, shaped(weight, [null, null, 3, 3])), bias) },
  }),
  conv1x1: ({ tensors: { x, weight, bias } }) => ({
    outputs: { output: withBias(conv1x1(x as Image, shaped(weight, [null, null, 1, 1])), bias) },
  }),
  convtranspose2x2s2: ({ tensors: { x, weight, bias } }) => ({
    outputs: {
      output: withBias(convTranspose2x2(x as Image, shaped(weight, [null, null, 2, 2])), bias),
    },
  }),
  conv2d: windowed(conv2d),
  convtranspose2d: windowed(convTranspose2d),
  avgpool2d: (inputs) => ({
    outputs: { output: averagePool(inputs.tensors.x as Image, pair(inputs, "block")) },
  }),
  depthwise_conv3x3: ({ tensors: { x, weight } }) => ({
    outputs: { output: depthwiseConv3x3(x as Image, shaped(weight, [null, 1, 3, 3])) },
  }),
  batchnorm2d_train: (inputs) => batchNormCase(inputs, true),
  batchnorm2d_eval: (inputs) => batchNormCase(inputs, false),
  relu: ({ tensors: { x } }) => ({ outputs: { output: relu(x as Image) } }),
  hardswish: ({ tensors: { x } }) => ({ outputs: { output: hardswish(x as Image) } }),
  sigmoid: ({ tensors: { x } }) => ({ outputs: { output: sigmoid(x as Image) } }),
  maxpool2x2: ({ tensors }) => {
    const x = tensors.x as Image;
    const output = maxPool2x2(x);
    const ones = constant(
      new Float32Array(output.shape.reduce((size, extent) => size * extent, 1)).fill(1),
      output.shape,
    );
    const [spread] = gradients(output, [x], ones);
    return {
      outputs: { output },
      auxiliary: { spread },
      derived: { argmax: async (read) => winners(await read("spread"), x.shape) },
    };
  },
  attention_gate: ({ tensors }) => {
    const weight = (name: string) => shaped(tensors[name], [null, null, 1, 1]);
    const { gated, alpha } = attentionGate({
      skip: tensors.skip as Image,
      gating: tensors.gating as Image,
      wx: weight("wx_weight"),
      wg: weight("wg_weight"),
      wgBias: tensors.wg_bias as Vector,
      psi: shaped(tensors.psi_weight, [1, null, 1, 1]),
      psiBias: tensors.psi_bias as Vector<1>,
    });
    return { outputs: { output: gated, alpha } };
  },
  residual_block: residualBlockCase,
  concat: ({ tensors: { a, b } }) => ({ outputs: { output: concatChannels(a as Image, b as Image) } }),
  softmax_channels: ({ tensors: { x } }) => ({ outputs: { output: softmaxChannels(x as Image) } }),
  cross_entropy: (inputs) => {
    const { logits, target } = inputs.tensors;
    const { loss } = weightedDiceCrossEntropy(logits as Image, target as Target, {
      lambdaDice: 0,
      ...lossWeights(inputs),
    });
    return { outputs: { output: loss } };
  },
  dice: (inputs) => {
    const { logits, probs, target } = inputs.tensors;
    const smooth = option(inputs, "smooth");
    if (probs !== undefined) {
      const { loss, dice } = softmaxLoss(probs as Image, target as Target, {
        lambdaCrossEntropy: 0,
        smooth,
        activation: "none",
      });
      return { outputs: { output: loss, dice } };
    }
    const { loss, dice } = diceCrossEntropy(logits as Image, target as Target, { lambdaCrossEntropy: 0, smooth });
    return { outputs: { output: loss, dice, probs: softmaxChannels(logits as Image) } };
  },
  dice_ce: ({ tensors: { logits, target } }) => {
    const { loss, pixelLoss, overlapLoss } = diceCrossEntropy(logits as Image, target as Target);
    return { outputs: { output: loss, ce: pixelLoss, dice_loss: overlapLoss } };
  },
  weighted_dice_ce: (inputs) => {
    const { logits, target } = inputs.tensors;
    const { attributes } = inputs;
    const { loss } = weightedDiceCrossEntropy(logits as Image, target as Target, {
      lambdaDice: attributes.lambda_dice === undefined ? 1 : option(inputs, "lambda_dice"),
      lambdaCrossEntropy: attributes.lambda_ce === undefined ? 1 : option(inputs, "lambda_ce"),
      ...lossWeights(inputs),
    });
    return { outputs: { output: loss } };
  },
  focal: (inputs) => {
    const { logits, target } = inputs.tensors;
    const { alpha } = inputs.attributes;
    const loss = focalLoss(logits as Image, target as Target, {
      gamma: option(inputs, "gamma"),
      ...(alpha === undefined
        ? {}
        : { alpha: typeof alpha === "number" ? alpha : numbersOf(alpha, "attribute alpha") }),
    });
    return { outputs: { output: loss, monai: scale(loss, 1 / (logits as Image).shape[1]) } };
  },
  sdpa: ({ tensors: { q, k, v } }) => {
    const { output, attention } = scaledDotProductAttention(heads(q), heads(k), heads(v));
    return { outputs: { output, attn: attention } };
  },
};
