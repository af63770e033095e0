import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import source from "./upsample-bilinear2x.wgsl.js";
import gradSource from "./upsample-bilinear2x-grad.wgsl.js";

/**
 * Bilinear interpolation to twice the sides: input [n, c, h, w] → output [n, c, 2h, 2w]. Slots Input and Output.
 *
 * Along each axis output place 2i is ¼·in[i − 1] + ¾·in[i], place 2i + 1 is ¾·in[i] + ¼·in[i + 1], indices kept inside:
 * PyTorch's interpolate(scale_factor = 2, mode = "bilinear", align_corners = False).
 */
export const upsampleBilinear2x = (input: ImageShape): Kernel => ({
  name: "upsample-bilinear2x",
  source,
  launches: [{ sizes: { ...input }, workgroups: [...foldWorkgroups(ceilDivide(4 * imageSize(input), 64)), 1] }],
  flops: 4 * imageSize(input) * 9,
  bytes: 4 * 5 * imageSize(input),
});

/** Gradient of {@link upsampleBilinear2x} for its `input`. Slots GradOutput [n, c, 2h, 2w] and Output [n, c, h, w]. */
export const upsampleBilinear2xGrad = (input: ImageShape): Kernel => ({
  name: "upsample-bilinear2x-grad",
  source: gradSource,
  launches: [{ sizes: { ...input }, workgroups: [...foldWorkgroups(ceilDivide(imageSize(input), 64)), 1] }],
  flops: imageSize(input) * 40,
  bytes: 4 * 5 * imageSize(input),
});
