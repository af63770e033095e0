import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import source from "./max-pool2x2.wgsl.js";
import gradSource from "./max-pool2x2-grad.wgsl.js";
import gradVectorSource from "./max-pool2x2-grad-vector.wgsl.js";

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

/** Whether {@link maxPool2x2GradByQuads} takes images of these extents: rows of whole quads after pooling too, all windows whole. */
export const poolsByQuads = ({ height, width }: ImageShape): boolean => width % 8 === 0 && height % 2 === 0;

/**
 * {@link maxPool2x2Grad} for GPUs: four windows an invocation, read and written four pixels at a time. Statistics by the
 * parallel reduction only.
 * @throws RangeError where the width is no multiple of 8 or the height is odd.
 */
export function maxPool2x2GradByQuads(input: ImageShape): Kernel {
  if (!poolsByQuads(input)) {
    throw new RangeError(
      `max-pool2x2-grad-vector: ${input.height} × ${input.width} is not an even height by a multiple of 8`,
    );
  }
  const { batch, channels, height, width } = input;
  const windows = batch * (height / 2) * (width / 2);
  const tiles = windows / 4;
  const chunks = ceilDivide(tiles, lanes);
  return {
    name: "max-pool2x2-grad-vector",
    source: gradVectorSource,
    launches: [
      {
        sizes: { channels, height, quads: width / 4, tiles, chunks },
        workgroups: [...foldWorkgroups(chunks * channels), 1],
      },
    ],
    flops: 3 * windows * channels,
    bytes: 4 * (2 * imageSize(input) + windows * channels),
    statistics: { partials: chunks, only: "parallel" },
  };
}
