import { bytesPerElement, ceilDivide, type DType, foldWorkgroups, type Kernel } from "../shared/kernel.js";
import convertSource from "./convert.wgsl.js";

/**
 * Converts numbers to another type: input [length] → output [length].
 *
 * To integers toward zero, keeping within their range; to f16 to a nearest value. Needs the feature shader-f16 where
 * either type is f16.
 */
export function convert(length: number, from: DType, to: DType): Kernel {
  const typed = convertSource
    .replace("alias Source = f32;", `alias Source = ${from};`)
    .replace("alias Result = f32;", `alias Result = ${to};`);
  return {
    name: "convert",
    source: from === "f16" || to === "f16" ? `enable f16;\n${typed}` : typed,
    launches: [{ sizes: { length }, workgroups: [...foldWorkgroups(ceilDivide(length, 64)), 1] }],
    flops: 0,
    bytes: length * (bytesPerElement[from] + bytesPerElement[to]),
  };
}
