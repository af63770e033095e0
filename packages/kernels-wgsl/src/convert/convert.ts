import { bytesPerElement, ceilDivide, type DType, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { enable, replaceText } from "../transforms/wgsl-text.js";
import convertSource from "./convert.wgsl.js";

/**
 * Converts numbers to another type: input [length] → output [length].
 *
 * To integers toward zero, keeping within their range; to f16 to a nearest value. Needs the feature shader-f16 where
 * either type is f16.
 */
export function convert(length: number, from: DType, to: DType): Kernel {
  const read =
    from === "f32" ? convertSource : replaceText(convertSource, "alias Source = f32;", `alias Source = ${from};`);
  const typed = to === "f32" ? read : replaceText(read, "alias Result = f32;", `alias Result = ${to};`);
  return {
    name: "convert",
    source: from === "f16" || to === "f16" ? enable(typed, "f16") : typed,
    launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 64)), 1] }],
    flops: 0,
    bytes: length * (bytesPerElement[from] + bytesPerElement[to]),
  };
}
