import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import source from "./max-pool2x2.wgsl.js";
import gradSource from "./max-pool2x2-grad.wgsl.js";

const lanes = 64;

/**
 * Maximum of each 2×2 window: input [n, c, h, w] → output [n, c, ⌊h/2⌋, ⌊w/2⌋]. Slots Input and Output.
 */
export function maxPool2x2(input: ImageShape): Kernel {
  const { batch, channels, height, width } = input;
  const outputs = batch * channels * Math.floor(height / 2) * Math.floor(width / 2);
  return {
    name: "max-pool2x2",
    source,
    launches: [
      { sizes: { batch, channels, height, width }, workgroups: [...foldWorkgroups(ceilDivide(outputs, lanes)), 1] },
    ],
    flops: 3 * outputs,
    bytes: 4 * (imageSize(input) + outputs),
  };
}

/**
 * Gradient of {@link maxPool2x2} for its `input`. Slots Input (the pool's input), GradOutput [n, c, ⌊h/2⌋, ⌊w/2⌋] and
 * Output [n, c, h, w]; statistics of the output.
 */
export function maxPool2x2Grad(input: ImageShape): Kernel {
  const { batch, channels, height, width } = input;
  const outputs = batch * channels * Math.floor(height / 2) * Math.floor(width / 2);
  const chunks = ceilDivide(batch * ceilDivide(height, 2) * ceilDivide(width, 2), lanes);
  return {
    name: "max-pool2x2-grad",
    source: gradSource,
    launches: [
      { sizes: { batch, channels, height, width, chunks }, workgroups: [...foldWorkgroups(chunks * channels), 1] },
    ],
    flops: 3 * outputs,
    bytes: 4 * (2 * imageSize(input) + outputs),
    statistics: { partials: chunks },
  };
}
