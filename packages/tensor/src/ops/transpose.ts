import { transpose as transposeKernel } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { printShape, type Shape, ShapeError } from "../shape.js";

/** The last two axes swapped: […, r, c] → […, c, r]. @throws ShapeError when x has fewer than two axes. */
export function transpose(x: Tensor): Tensor<Shape, "f32"> {
  const [rows, columns] = x.shape.slice(-2);
  if (rows === undefined || columns === undefined) {
    throw new ShapeError(`transpose: x ${printShape(x.shape)} has fewer than two axes`);
  }
  const outer = x.shape.slice(0, -2);
  const matrices = outer.reduce((count, extent) => count * extent, 1);
  return applyKernel({
    name: "transpose",
    inputs: { input: x },
    output: f32<Shape>([...outer, columns, rows]),
    halfInputs: ["input"],
    halfOutputs: ["output"],
    lower: ({ input }, output, lowering) =>
      lowering.call({ kernel: transposeKernel({ matrices, rows, columns }), bindings: { input, output } }),
    gradient: (gradOutput) => ({ input: transpose(gradOutput) }),
  });
}
