import {
  AveragePool2d,
  BatchNorm2d,
  BlockConvTranspose2d,
  Conv2d,
  ConvTranspose2d,
  DepthwiseConv2d,
  GroupNorm,
  type Module,
  SelfAttention,
  SqueezeExcite,
  StridedConv2d,
} from "@lobule/nn";
import { type BlockSize, Tensor, type Variable } from "@lobule/tensor";
import { ExportError } from "../export-error.js";
import type { Attribute } from "./graph-builder.js";
import type { LayerCall } from "./network-trace.js";
import type { Nodes } from "./nodes.js";

/**
 * The name of what a layer returned, as the layer's own nodes; undefined for a layer that is known by what its forward
 * pass does.
 * @throws ExportError when the layer was called with something else than an image.
 */
export function layerNode(call: LayerCall, nodes: Nodes): string | undefined {
  const { layer } = call;
  const convolution = convolutionOf(layer);
  if (convolution !== undefined) return convolutionNode(convolution, nodes.nameOf(imageOf(call)), nodes);
  if (layer instanceof BatchNorm2d) return batchNormNode(layer, imageOf(call), nodes);
  if (layer instanceof AveragePool2d) return averagePoolNode(layer, nodes.nameOf(imageOf(call)), nodes);
  if (layer instanceof GroupNorm) return groupNormNode(layer, nodes.nameOf(imageOf(call)), nodes);
  if (layer instanceof SqueezeExcite) return squeezeExciteNode(layer, nodes.nameOf(imageOf(call)), nodes);
  if (layer instanceof SelfAttention) return selfAttentionNode(layer, nodes.nameOf(imageOf(call)), nodes);
  return undefined;
}

function imageOf({ path, layer, inputs: [first] }: LayerCall): Tensor {
  if (first instanceof Tensor) return first;
  throw new ExportError(`the layer ${path} (${layer.constructor.name}) is not called with an image`);
}

/** A layer that is one convolution. */
interface Convolution {
  readonly opType: "Conv" | "ConvTranspose";
  readonly weight: Variable;
  readonly bias: Variable | undefined;
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** How many numbers of the weight follow each other that belong to one output channel. */
  readonly run: number;
  readonly outChannels: number;
}

const sided = (side: bigint): Readonly<Record<string, Attribute>> => {
  const pad = side / 2n;
  return { kernel_shape: [side, side], pads: [pad, pad, pad, pad] };
};

function convolutionOf(layer: Module): Convolution | undefined {
  const sizesOf = ({ shape: [first = 1, second = 1, height = 1, width = 1] }: Variable) => ({
    first,
    second,
    area: height * width,
  });
  if (layer instanceof Conv2d) {
    const { weight, bias } = layer;
    const { first, second, area } = sizesOf(weight);
    const attributes = sided(BigInt(layer.kernelSize));
    return { opType: "Conv", weight, bias, attributes, run: second * area, outChannels: first };
  }
  if (layer instanceof StridedConv2d) {
    const { weight, bias, stride, padding } = layer;
    const { first, second, area } = sizesOf(weight);
    const attributes = {
      kernel_shape: weight.shape.slice(2).map(BigInt),
      strides: stride.map(BigInt),
      pads: [...padding, ...padding].map(BigInt),
    };
    return { opType: "Conv", weight, bias, attributes, run: second * area, outChannels: first };
  }
  if (layer instanceof DepthwiseConv2d) {
    const { weight, bias } = layer;
    const { first, area } = sizesOf(weight);
    const attributes = { ...sided(3n), group: BigInt(first) };
    return { opType: "Conv", weight, bias, attributes, run: area, outChannels: first };
  }
  if (layer instanceof ConvTranspose2d) {
    const { weight, bias } = layer;
    const { second, area } = sizesOf(weight);
    const attributes = { kernel_shape: [2n, 2n], strides: [2n, 2n] };
    return { opType: "ConvTranspose", weight, bias, attributes, run: area, outChannels: second };
  }
  if (layer instanceof BlockConvTranspose2d) {
    const { weight, bias, block } = layer;
    const { second, area } = sizesOf(weight);
    return { opType: "ConvTranspose", weight, bias, attributes: ofBlocks(block), run: area, outChannels: second };
  }
  return undefined;
}

/** Blocks of pixels side by side. */
const ofBlocks = (block: BlockSize): Readonly<Record<string, Attribute>> => ({
  kernel_shape: block.map(BigInt),
  strides: block.map(BigInt),
});

const averagePoolNode = ({ block }: AveragePool2d, x: string, { graph }: Nodes): string =>
  graph.node("AveragePool", [x], ofBlocks(block));

function convolutionNode({ opType, weight, bias, attributes }: Convolution, x: string, nodes: Nodes): string {
  const inputs = [x, nodes.weight(weight), ...(bias === undefined ? [] : [nodes.weight(bias)])];
  return nodes.graph.node(opType, inputs, attributes);
}

/** γ·(x − mean)/√(variance + ε) + β as factor·x + shift by channel, in float64. */
function batchNormLine({ weight, bias, runningMean, runningVariance, epsilon }: BatchNorm2d<number>, nodes: Nodes) {
  const [gamma, beta, mean, variance] = [weight, bias, runningMean, runningVariance].map((variable) =>
    Float64Array.from(nodes.valuesOf(variable)),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const factor = gamma.map((value, c) => value / Math.sqrt((variance[c] as number) + epsilon));
  const shift = beta.map((value, c) => value - (factor[c] as number) * (mean[c] as number));
  return { factor, shift };
}

/** Becomes part of the convolution before it, where there is one. */
function batchNormNode(layer: BatchNorm2d<number>, x: Tensor, nodes: Nodes): string {
  const { graph } = nodes;
  const { factor, shift } = batchNormLine(layer, nodes);
  const path = layer.weight.name.replace(/\.?weight$/, "");
  const before = nodes.callOf(x);
  const convolution = before && convolutionOf(before.layer);
  if (before === undefined || convolution === undefined) {
    const shape = [1, factor.length, 1, 1];
    const scaled = graph.node("Mul", [
      nodes.nameOf(x),
      graph.floats(`${path}.factor`, shape, () => Float32Array.from(factor)),
    ]);
    return graph.node("Add", [scaled, graph.floats(`${path}.shift`, shape, () => Float32Array.from(shift))]);
  }
  const { weight, bias, run, outChannels } = convolution;
  const folded = (): Float32Array =>
    nodes.valuesOf(weight).map((value, i) => value * (factor[Math.floor(i / run) % outChannels] as number));
  const foldedBias = (): Float32Array => {
    const own = bias === undefined ? new Float32Array(outChannels) : nodes.valuesOf(bias);
    return Float32Array.from(own, (value, c) => value * (factor[c] as number) + (shift[c] as number));
  };
  const inputs = [
    nodes.nameOf(imageOf(before)),
    graph.floats(`${weight.name} with ${path}`, weight.shape, folded),
    graph.floats(`bias with ${path}`, [outChannels], foldedBias),
  ];
  return graph.node(convolution.opType, inputs, convolution.attributes);
}

/** Instance normalization of one group a channel; the operator of its own is of a later opset. */
function groupNormNode({ groups, epsilon, weight, bias }: GroupNorm<number>, x: string, nodes: Nodes): string {
  const { graph } = nodes;
  const [channels = 1] = weight.shape;
  if (groups === channels) {
    return graph.node("InstanceNormalization", [x, nodes.weight(weight), nodes.weight(bias)], { epsilon });
  }
  // A 0 keeps the extent, −1 takes what is left.
  const grouped = graph.node("Reshape", [x, graph.integers(0, groups, -1)]);
  const all = (name: string, value: number): string =>
    graph.floats(`${name} of ${groups} groups`, [groups], () => new Float32Array(groups).fill(value));
  const normalized = graph.node("InstanceNormalization", [grouped, all("ones", 1), all("zeros", 0)], { epsilon });
  const image = graph.node("Reshape", [normalized, graph.node("Shape", [x])]);
  const perChannel = [1, channels, 1, 1];
  const scaled = graph.node("Mul", [image, nodes.weight(weight, perChannel)]);
  return graph.node("Add", [scaled, nodes.weight(bias, perChannel)]);
}

/** A convolution among the parts of a layer. */
const inner = (layer: Conv2d<number, number, 1>, x: string, nodes: Nodes): string =>
  convolutionNode(convolutionOf(layer) as Convolution, x, nodes);

function squeezeExciteNode({ squeeze, excite }: SqueezeExcite<number>, x: string, nodes: Nodes): string {
  const { graph } = nodes;
  const mean = graph.node("ReduceMean", [x], { axes: [2n, 3n], keepdims: 1n });
  const between = graph.node("Relu", [inner(squeeze, mean, nodes)]);
  return graph.node("Mul", [x, graph.node("Sigmoid", [inner(excite, between, nodes)])]);
}

function selfAttentionNode(layer: SelfAttention<number>, x: string, nodes: Nodes): string {
  const { graph } = nodes;
  const { heads, query, key, value, output } = layer;
  const depth = query.weight.shape[0] / heads;
  const split = graph.integers(0, heads, depth, -1);
  /** [n, heads, depth, pixels]. */
  const inHeads = (conv: Conv2d<number, number, 1>): string => graph.node("Reshape", [inner(conv, x, nodes), split]);
  const pixelsFirst = (name: string): string => graph.node("Transpose", [name], { perm: [0n, 1n, 3n, 2n] });
  const scores = graph.node("MatMul", [pixelsFirst(inHeads(query)), inHeads(key)]);
  const scaled = graph.node("Mul", [scores, graph.float(Math.fround(1 / Math.sqrt(depth)))]);
  const attention = graph.node("Softmax", [scaled], { axis: -1n });
  const mixed = graph.node("MatMul", [attention, pixelsFirst(inHeads(value))]);
  const image = graph.node("Reshape", [pixelsFirst(mixed), graph.node("Shape", [x])]);
  return graph.node("Add", [x, inner(output, image, nodes)]);
}
