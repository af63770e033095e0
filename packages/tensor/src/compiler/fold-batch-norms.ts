import { apply, applyOne, f32 } from "../graph/apply.js";
import type { ConvolutionCall } from "../graph/convolution-call.js";
import { elementAt, inputOf, type Node, nodesBelow, type Tensor } from "../graph/tensor.js";
import { reshape } from "../ops/channels.js";
import { add } from "../ops/pointwise.js";
import { asImage, sameShape } from "../shape.js";
import { readInputs } from "./fuse.js";
import { moved } from "./recompute.js";

/** An image as a convolution, and what is added to each of its channels. */
interface Biased {
  readonly convolution: Tensor;
  /** [1, c, 1, 1]. */
  readonly bias: Tensor | undefined;
}

/**
 * The same results but for rounding, of fewer passes over images, where batch norms take running statistics that do not
 * change: γ·(W ∗ x − mean)/√(variance + ε) + β is the convolution of x with W·γ/√(variance + ε), plus a number a channel.
 * Where the sum of a 3×3 and a 1×1 convolution follows, as in a residual block, these numbers are added to each other, so
 * that one kernel can compute both convolutions.
 * @returns where each of the roots is to be found.
 */
export function foldBatchNorms(roots: readonly Tensor[]): Tensor[] {
  const nodes = nodesBelow(roots);
  const readers = new Map<Tensor, number>(roots.map((root) => [root, 1]));
  for (const tensor of nodes.flatMap(readInputs)) readers.set(tensor, (readers.get(tensor) ?? 0) + 1);
  const replaced = new Map<Tensor, Tensor>();
  const now = (tensor: Tensor): Tensor => replaced.get(tensor) ?? tensor;
  /** Those of the new tensors that nothing else reads. */
  const biased = new Map<Tensor, Biased>();
  const partsOf = (tensor: Tensor): Biased | undefined =>
    readers.get(tensor) === 1 ? biased.get(now(tensor)) : undefined;

  for (const node of nodes) {
    const [output] = node.outputs;
    const folded = foldedBatchNorm(node, partsOf) ?? sumOfConvolutions(node, partsOf);
    if (folded !== undefined) {
      replaced.set(output, folded.tensor);
      if (folded.parts !== undefined) biased.set(folded.tensor, folded.parts);
      continue;
    }
    const inputs = node.inputs.map(now);
    if (inputs.some((each, i) => each !== node.inputs[i])) {
      const made = apply(moved(node.operation, now), inputs, node.outputs);
      for (const [i, old] of node.outputs.entries()) replaced.set(old, elementAt(made, i));
    }
    if (convolutionOf(node)?.direction === "forward") {
      biased.set(now(output), { convolution: now(output), bias: undefined });
    } else if (node.operation.kind === "pointwise" && node.operation.name === "add") {
      const parts = withBias(node, partsOf);
      if (parts !== undefined) biased.set(now(output), parts);
    }
  }
  return roots.map(now);
}

const convolutionOf = ({ operation }: Node): ConvolutionCall | undefined =>
  operation.kind === "kernel" ? operation.convolution : undefined;

type PartsOf = (tensor: Tensor) => Biased | undefined;

interface Folded {
  readonly tensor: Tensor;
  readonly parts?: Biased;
}

/** A convolution with a bias of the channel. */
function withBias(node: Node, partsOf: PartsOf): Biased | undefined {
  const b = inputOf(node, 1);
  const parts = partsOf(inputOf(node, 0));
  const isBias = sameShape(b.shape, [1, asImage(node.outputs[0].shape).channels, 1, 1]);
  return parts !== undefined && parts.bias === undefined && isBias ? { ...parts, bias: b } : undefined;
}

function foldedBatchNorm({ operation, inputs }: Node, partsOf: PartsOf): Folded | undefined {
  const [x, coefficients, , beta] = inputs;
  if (operation.name !== "batch-norm" || coefficients?.node.operation.name !== "batch-norm-eval") return undefined;
  const parts = x && partsOf(x);
  const node = parts?.convolution.node;
  const family = node && convolutionOf(node)?.family;
  // The weight of a transposed convolution has its output channels second.
  if (node === undefined || parts?.bias !== undefined || family === "conv-transpose2x2") return undefined;
  if (beta === undefined) return undefined;
  const [input, weight] = [inputOf(node, 0), inputOf(node, 1)];
  const [channels = 1, inChannels = 1, rows = 1, columns = 1] = weight.shape;
  const flat = [1, channels, inChannels, rows * columns] as const;
  const scaled = byChannel("scale-weights", ([w, k]) => `(${w} * ${k}.x)`, reshape(weight, flat), coefficients);
  const bias = byChannel(
    "shift-bias",
    ([b, k]) => `(${b} - ${k}.z * ${k}.x)`,
    reshape(beta, [1, channels, 1, 1]),
    coefficients,
  );
  const [convolution] = apply(node.operation, [input, reshape(scaled, weight.shape)], node.outputs);
  const tensor = add(convolution, bias);
  return { tensor, parts: { convolution, bias } };
}

const byChannel = (name: string, wgsl: (args: readonly string[]) => string, x: Tensor, coefficients: Tensor): Tensor =>
  applyOne({ kind: "pointwise", name, wgsl, coefficients: [1] }, [x, coefficients], f32(x.shape));

/** (a + bias) + (b + bias) as (a + b) + (bias + bias), where a and b are a 3×3 and a 1×1 convolution. */
function sumOfConvolutions({ operation, inputs, outputs }: Node, partsOf: PartsOf): Folded | undefined {
  if (operation.kind !== "pointwise" || operation.name !== "add") return undefined;
  const [a, b] = inputs.map(partsOf);
  if (a === undefined || b === undefined || !inputs.every(({ shape }) => sameShape(shape, outputs[0].shape)))
    return undefined;
  const families = [a, b].map(({ convolution }) => convolutionOf(convolution.node)?.family);
  if (!families.includes("conv3x3") || !families.includes("conv1x1")) return undefined;
  const biases = [a, b].flatMap(({ bias }) => bias ?? []);
  if (biases.length === 0) return undefined;
  const sum = add(a.convolution, b.convolution);
  return {
    tensor: add(
      sum,
      biases.reduce((total, each) => add(total, each)),
    ),
  };
}
