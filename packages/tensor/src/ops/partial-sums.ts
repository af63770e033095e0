import type { Kernel } from "@lobule/kernels-wgsl";
import type { CallRequest, Lowering, Tensor } from "../graph/tensor.js";
import { sizeOf } from "../shape.js";

/** A call of a kernel that writes partial sums to its binding `partials`, and the sum of them where there are several. */
export function callForSum(
  lowering: Lowering,
  output: Tensor,
  request: Pick<CallRequest, "slots" | "convolution"> & { readonly kernel: Kernel & { readonly partials?: number } },
): void {
  const count = request.kernel.partials ?? 1;
  const length = sizeOf(output.shape);
  if (count === 1) {
    lowering.call({ ...request, bindings: { partials: output } });
    return;
  }
  const partials = lowering.scratch([count, length]);
  lowering.call({ ...request, bindings: { partials } });
  lowering.sum(partials, output, { partialOffset: 0, partialStride: length, elementStride: 1, length, count });
}
