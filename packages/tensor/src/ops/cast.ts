import { convert, type DType } from "@lobule/kernels-wgsl";
import { applyOne } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { type Shape, sizeOf } from "../shape.js";

const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";

const hasType = <S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): x is Tensor<S, D> => x.dtype === dtype;

/**
 * The elements of x in another type: to f16 the nearest value, to integers toward zero and kept within their range.
 *
 * Widening to f32 is inlined into the readers. The gradient passes between floating-point types, rounded to x's type as
 * in PyTorch; gradients(…) refuses a way through an integer. f16 needs an adapter with shader-f16.
 */
export function castTo<S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): Tensor<S, D> {
  if (hasType(x, dtype)) return x;
  const name = `cast to ${dtype}`;
  const output = { shape: x.shape, dtype };
  const differentiable = isFloat(x.dtype) && isFloat(dtype);
  if (dtype === "f32") {
    const gradient = ([g]: readonly (Tensor | undefined)[]) => [g && castTo(g, x.dtype)];
    return applyOne(
      { kind: "pointwise", name, wgsl: ([a]) => `${a}`, gradient: differentiable ? gradient : undefined },
      [x],
      output,
    );
  }
  return applyKernel({
    name,
    inputs: { input: x },
    output,
    lower: ({ input }, result, lowering) =>
      lowering.call({
        kernel: convert(sizeOf(input.shape), input.dtype, dtype),
        bindings: { input, output: result },
      }),
    gradient: differentiable ? (g, { input }) => ({ input: castTo(g, input.dtype) }) : undefined,
  });
}
