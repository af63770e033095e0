import { convert, type DType } from "@lobule/kernels-wgsl";
import { apply, type Tensor } from "../graph/tensor.js";
import { type Shape, sizeOf } from "../shape.js";

const isFloat = (dtype: DType): boolean => dtype === "f32" || dtype === "f16";

/**
 * The numbers of x in another type: to f16 the nearest value, to integers toward zero and kept within their range.
 *
 * Widening to f32 is pasted into the readers. The gradient passes between floating-point types, rounded to x's type as
 * in PyTorch; gradients(…) refuses a way through an integer. f16 needs an adapter with shader-f16.
 */
export function castTo<S extends Shape, D extends DType>(x: Tensor<S>, dtype: D): Tensor<S, D> {
  if (x.dtype === dtype) return x as Tensor<S, D>;
  const gradient =
    isFloat(x.dtype) && isFloat(dtype)
      ? { gradient: ([g]: readonly (Tensor | undefined)[]) => [g && castTo(g, x.dtype)] }
      : {};
  const common = { name: `cast to ${dtype}`, ...gradient };
  const [result] = apply(
    dtype === "f32"
      ? { kind: "pointwise", ...common, wgsl: ([a]) => `${a}` }
      : {
          kind: "kernel",
          ...common,
          lower: (lowering, [input], [output]) =>
            lowering.call({
              kernel: convert(sizeOf(x.shape), x.dtype, dtype),
              bindings: { input: input as Tensor, output: output as Tensor },
            }),
        },
    [x],
    [{ shape: x.shape, dtype }],
  );
  return result as Tensor<S, D>;
}
