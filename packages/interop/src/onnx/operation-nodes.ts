import { type Tensor, Variable } from "@lobule/tensor";
import { ExportError } from "../export-error.js";
import type { Attribute } from "./graph-builder.js";
import type { Nodes } from "./nodes.js";

/**
 * The name of a tensor's value, as a node of the operation that makes it.
 * @throws ExportError where the operation has no node, or its node would hold for images of one size only.
 */
export function operationNode(tensor: Tensor, nodes: Nodes): string {
  const { graph } = nodes;
  const { operation, inputs } = tensor.node;
  const name = (i: number): string => {
    const input = inputs[i];
    if (input === undefined) throw new ExportError(`the operation '${operation.name}' has no input ${i}`);
    return nodes.nameOf(input);
  };
  if (tensor instanceof Variable) return nodes.weight(tensor);
  switch (operation.kind) {
    case "constant":
      return constantNode(tensor, Float32Array.from(operation.data), nodes);
    case "view":
      return viewNode(tensor, nodes);
    case "concat":
      return graph.node("Concat", [name(0), name(1)], { axis: 1n });
    case "slice": {
      const { channel } = operation;
      const end = channel + (tensor.shape[1] ?? 0);
      return graph.node("Slice", [name(0), graph.integers(channel), graph.integers(end), graph.integers(1)]);
    }
    case "pointwise":
      return pointwiseNode(operation.name, operation.key, name, nodes);
    case "kernel":
      return kernelNode(tensor, name, nodes);
    default:
      throw noNode(operation.name);
  }
}

const noNode = (name: string): ExportError =>
  new ExportError(
    `the network's operation '${name}' cannot be written in ONNX; docs/interop.md lists the layers and operations that can`,
  );

/** A constant that does not depend on the extents of an image. */
function constantNode({ id, shape, dtype }: Tensor, data: Float32Array, { graph }: Nodes): string {
  const [n = 1, , h = 1, w = 1] = shape;
  if (dtype !== "f32" || (shape.length === 4 && Math.max(n, h, w) > 1 && !isKernel(shape))) {
    throw new ExportError(
      `the network holds a constant of ${shape.join("×")} numbers, which fits images of one size only; make it one of a number a channel`,
    );
  }
  return graph.floats(`constant_${id}`, shape, () => data);
}

/** Of a convolution's weight, whose extents are no image's. */
const isKernel = ([, , h = 0, w = 0]: readonly number[]): boolean => h === w && h <= 3;

/** Another shape of a variable or constant; of what an image becomes, only the layers know which extents may be any. */
function viewNode({ node: { operation, inputs }, shape }: Tensor, nodes: Nodes): string {
  const [base] = inputs;
  if (base instanceof Variable) return nodes.weight(base, shape);
  const origin = base?.node.operation;
  if (base === undefined || origin?.kind !== "constant") throw noNode(operation.name);
  return nodes.graph.floats(`constant_${base.id} as ${shape.join("×")}`, shape, () => Float32Array.from(origin.data));
}

/** Operators that do what a pointwise operation of no settings does. */
const pointwiseOperators = {
  add: "Add",
  subtract: "Sub",
  multiply: "Mul",
  divide: "Div",
  negate: "Neg",
  relu: "Relu",
  sigmoid: "Sigmoid",
  hardswish: "HardSwish",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  copy: "Identity",
} as const;
const twoInputs = ["add", "subtract", "multiply", "divide"];
const isPlain = (name: string): name is keyof typeof pointwiseOperators => Object.hasOwn(pointwiseOperators, name);

function pointwiseNode(
  operation: string,
  key: string | undefined,
  name: (i: number) => string,
  { graph }: Nodes,
): string {
  if (isPlain(operation)) {
    const inputs = twoInputs.includes(operation) ? [name(0), name(1)] : [name(0)];
    return graph.node(pointwiseOperators[operation], inputs);
  }
  const number = (): number => Math.fround(Number(key));
  switch (operation) {
    case "scale":
      return graph.node("Mul", [name(0), graph.float(number())]);
    case "add-scalar":
      return graph.node("Add", [name(0), graph.float(number())]);
    case "leaky-relu":
      return graph.node("LeakyRelu", [name(0)], { alpha: number() });
    case "silu":
      return graph.node("Mul", [name(0), graph.node("Sigmoid", [name(0)])]);
    default:
      throw noNode(operation);
  }
}

function kernelNode({ node: { operation, inputs }, index }: Tensor, name: (i: number) => string, nodes: Nodes): string {
  const { graph } = nodes;
  const square = (side: bigint, pad: bigint): Readonly<Record<string, Attribute>> => ({
    kernel_shape: [side, side],
    pads: [pad, pad, pad, pad],
  });
  switch (operation.name) {
    case "conv3x3":
      return graph.node("Conv", [name(0), name(1)], square(3n, 1n));
    case "conv1x1":
      return graph.node("Conv", [name(0), name(1)], square(1n, 0n));
    case "depthwise-conv3x3": {
      const group = BigInt(inputs[1]?.shape[0] ?? 1);
      return graph.node("Conv", [name(0), name(1)], { ...square(3n, 1n), group });
    }
    case "conv-transpose2x2":
      return graph.node("ConvTranspose", [name(0), name(1)], { kernel_shape: [2n, 2n], strides: [2n, 2n] });
    case "max-pool2x2":
      return graph.node("MaxPool", [name(0)], { kernel_shape: [2n, 2n], strides: [2n, 2n] });
    case "upsample-bilinear2x": {
      const scales = graph.floats("twice", [4], () => Float32Array.of(1, 1, 2, 2));
      return graph.node("Resize", [name(0), "", scales], bilinear);
    }
    case "softmax":
      return graph.node("Softmax", [name(0)], { axis: 1n });
    case "attention-gate": {
      const [skip, gating, wx, wg, wgBias, psi, psiBias] = Array.from({ length: 7 }, (_, i) => name(i)) as [
        string,
        string,
        string,
        string,
        string,
        string,
        string,
      ];
      const sum = graph.node("Add", [graph.node("Conv", [skip, wx]), graph.node("Conv", [gating, wg, wgBias])]);
      const alpha = graph.node("Sigmoid", [graph.node("Conv", [graph.node("Relu", [sum]), psi, psiBias])]);
      return index === 0 ? graph.node("Mul", [skip, alpha]) : alpha;
    }
    default:
      throw noNode(operation.name);
  }
}

/** Interpolation between the centers of pixels; beyond the outermost ones their values hold. */
export const bilinear: Readonly<Record<string, Attribute>> = {
  mode: "linear",
  coordinate_transformation_mode: "half_pixel",
};
