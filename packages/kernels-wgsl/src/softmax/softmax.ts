import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import softmaxSource from "./softmax.wgsl.js";
import gradSource from "./softmax-grad.wgsl.js";

const launchOf = ({ batch, channels, height, width }: ImageShape): Kernel["launches"] => {
  const pixels = height * width;
  return [{ sizes: { batch, channels, pixels }, workgroups: [...foldWorkgroups(ceilDivide(batch * pixels, 64)), 1] }];
};

/**
 * Softmax over channels.
 *
 * output[n, c, y, x] = exp(input[n, c, y, x] − m) / Σ over k of exp(input[n, k, y, x] − m), m = max over k of the input.
 */
export const softmax = (shape: ImageShape): Kernel => ({
  name: "softmax",
  source: softmaxSource,
  launches: launchOf(shape),
  flops: 5 * imageSize(shape),
  bytes: 8 * imageSize(shape),
});

/** Gradient of {@link softmax} from its output p: gradInput_c = p_c (gradOutput_c − Σ over k of p_k gradOutput_k). */
export const softmaxGrad = (shape: ImageShape): Kernel => ({
  name: "softmax-grad",
  source: gradSource,
  launches: launchOf(shape),
  flops: 5 * imageSize(shape),
  bytes: 12 * imageSize(shape),
});
