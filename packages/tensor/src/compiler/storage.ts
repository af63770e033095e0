import type { DType } from "@lobule/kernels-wgsl";
import { type Node, storageOf, type Tensor } from "../graph/tensor.js";
import { isExpression, readInputs } from "./fuse.js";

/** The type in which a tensor is stored. */
export type StorageType = (tensor: Tensor) => DType;

/**
 * Which tensors are stored as f16: activations and their gradients, that is what kernels make of images through a store
 * slot or into an `array<real>`, and what pointwise operations make of these, where everything that reads them can
 * convert. Arithmetic stays f32. So do parameters, their gradients, optimizer state, statistics and all other sums,
 * logits and probabilities on the way into a loss, and what a program is given or gives.
 * @param required tensors that must be in memory as they are: outputs and metrics, gradients of parameters.
 */
export function chooseStorage(
  nodes: readonly Node[],
  required: ReadonlySet<Tensor>,
  precision: "f32" | "f16",
): StorageType {
  const half = precision === "f16" ? halfTensors(nodes, required) : new Set<Tensor>();
  return (tensor) => {
    const base = storageOf(tensor);
    return half.has(base) ? "f16" : base.dtype;
  };
}

function halfTensors(nodes: readonly Node[], required: ReadonlySet<Tensor>): Set<Tensor> {
  const half = new Set<Tensor>();
  const images = new Set<Tensor>();
  for (const node of nodes) {
    for (const tensor of imagesOf(node, images)) {
      images.add(tensor);
      const made = node.operation.kind !== "view" && node.operation.kind !== "input";
      if (made && tensor.shape.length === 4 && tensor.dtype === "f32" && !required.has(tensor)) half.add(tensor);
    }
  }
  for (const node of nodes) {
    readInputs(node).forEach((tensor, position) => {
      if (!converts(node, position)) half.delete(storageOf(tensor));
    });
  }
  // A kernel has one type for all that it writes to an `array<real>`.
  for (const { operation, outputs } of nodes) {
    if (operation.kind !== "kernel") continue;
    const together = (operation.halfOutputs ?? []).flatMap((index) => outputs[index] ?? []);
    if (!together.every((tensor) => half.has(tensor))) for (const tensor of together) half.delete(tensor);
  }
  return half;
}

/** The node's outputs that are activations or gradients of such. */
function imagesOf(node: Node, images: ReadonlySet<Tensor>): readonly Tensor[] {
  const { operation, inputs, outputs } = node;
  if (operation.kind === "input") return outputs.filter(({ shape, dtype }) => shape.length === 4 && dtype === "f32");
  if (operation.kind === "kernel") {
    const slot = operation.store !== undefined && operation.sums !== true ? [0] : [];
    return [...slot, ...(operation.halfOutputs ?? [])].flatMap((index) => outputs[index] ?? []);
  }
  if (operation.kind === "view") return inputs.some((each) => images.has(each)) ? outputs : [];
  return isExpression(node) && readInputs(node).some((each) => images.has(each)) ? outputs : [];
}

/** Whether the node converts what it reads at this position. */
function converts({ operation }: Node, position: number): boolean {
  switch (operation.kind) {
    case "kernel":
      return [...(operation.slotInputs ?? []), ...(operation.halfInputs ?? [])].includes(position);
    case "pointwise":
      return operation.coefficients?.includes(position) !== true;
    default:
      return true;
  }
}
