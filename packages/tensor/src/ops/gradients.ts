import { constant } from "../graph/apply.js";
import { type Node, nodesBelow, type Tensor } from "../graph/tensor.js";
import { PlanError, printShape, ShapeError, sameShape, sizeOf } from "../shape.js";
import { add } from "./pointwise.js";

/** Gradients with respect to tensors, in their order and shapes. */
export type GradientsOf<Wrt extends readonly Tensor[]> = {
  -readonly [At in keyof Wrt]: Tensor<Wrt[At]["shape"], "f32">;
};

/**
 * Gradients of a scalar (or, with `gradOutput` given, of Σ output·gradOutput) with respect to `wrt`, as new graph:
 * reverse-mode differentiation, each operation's vector-Jacobian product applied once, in reverse order of creation.
 * A tensor that the output does not depend on gets zeros.
 * @throws ShapeError when the output is no scalar and no gradOutput is given, theirs differ in shape, or an operation's
 * gradient is not in the shape of its input;
 * PlanError when the output depends on a tensor of `wrt` through an operation that has no gradient.
 */
export function gradients<const Wrt extends readonly Tensor[]>(
  output: Tensor,
  wrt: Wrt,
  gradOutput?: Tensor,
): GradientsOf<Wrt> {
  if (gradOutput === undefined && sizeOf(output.shape) !== 1) {
    throw new ShapeError(`gradients: the output must be a scalar, got ${printShape(output.shape)}; give gradOutput`);
  }
  const seed = gradOutput ?? constant([1], output.shape);
  if (gradOutput !== undefined && !sameShape(gradOutput.shape, output.shape)) {
    throw new ShapeError(
      `gradients: gradOutput ${printShape(seed.shape)} does not match the output ${printShape(output.shape)}`,
    );
  }
  const order = nodesBelow([output]);
  const wanted = new Set(wrt);
  const needed = new Set<Node>();
  for (const node of order) {
    if (node.outputs.some((each) => wanted.has(each)) || node.inputs.some((each) => needed.has(each.node)))
      needed.add(node);
  }
  const found = new Map<Tensor, Tensor>([[output, seed]]);
  for (const node of order.reverse()) {
    if (!node.inputs.some((each) => needed.has(each.node))) continue;
    const gradOutputs = node.outputs.map((each) => found.get(each));
    if (gradOutputs.every((each) => each === undefined)) continue;
    const { gradient, name } = node.operation;
    if (gradient === undefined) {
      throw new PlanError(`gradients: the output depends on a wanted tensor through ${name}, which has no gradient`);
    }
    const gradInputs = gradient(gradOutputs, node.inputs, node.outputs);
    node.inputs.forEach((each, i) => {
      const part = gradInputs[i];
      if (part === undefined || !needed.has(each.node)) return;
      if (!sameShape(part.shape, each.shape)) {
        throw new ShapeError(
          `gradients: ${name} gives its input ${i}, ${printShape(each.shape)}, a gradient ${printShape(part.shape)}`,
        );
      }
      const before = found.get(each);
      found.set(each, before === undefined ? part : add(before, part));
    });
  }
  // Each was found in the shape of its tensor.
  return wrt.map(
    (tensor) => found.get(tensor) ?? constant(new Float32Array(sizeOf(tensor.shape)), tensor.shape),
  ) as GradientsOf<Wrt>;
}
