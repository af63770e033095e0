import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import source from "./pointwise.wgsl.js";

const elementsPerWorkgroup = 256;

/**
 * output[n, c, y, x] = input[n, c, y, x]: the frame for any pointwise expression.
 *
 * Slots Input and Output, statistics of the output.
 */
export function pointwise(shape: ImageShape): Kernel {
  const { batch, channels, height, width } = shape;
  const chunks = Math.max(1, ceilDivide(batch * height * width, elementsPerWorkgroup));
  return {
    name: "pointwise",
    source,
    launches: [
      { sizes: { batch, channels, height, width, chunks }, workgroups: [...foldWorkgroups(chunks * channels), 1] },
    ],
    flops: 0,
    bytes: 8 * imageSize(shape),
    statistics: { partials: chunks },
  };
}
