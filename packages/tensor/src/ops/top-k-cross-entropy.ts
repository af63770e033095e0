import { topKLoss } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel, applyKernels, applyRemap } from "../graph/named.js";
import type { Image, Scalar, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";
import { reshape } from "./channels.js";

/**
 * Mean of the largest cross-entropies −log p_t of pixels, p the softmax over classes: of the ⌊share · n·h·w⌋ largest of all
 * images together, at least one. Pixels that equal the last of them share its weight. A label that is no class has the
 * loss 0.
 *
 * logits [n, classes, h, w], target [n, h, w] of class indices → scalar. At most 16 classes.
 * @throws ShapeError when logits and target do not fit together; RangeError when the share is not above 0 and at most 1;
 * KernelDeclarationError for more classes.
 * Source: Wu, Shen and van den Hengel 2016, "Bridging category-level and instance-level semantic image segmentation";
 * nnU-Net's TopKLoss, which rounds down likewise.
 */
export function topKCrossEntropy(
  logits: Image,
  target: Tensor<readonly [n: number, h: number, w: number], "u32">,
  share: number,
): Scalar {
  const { batch, channels: classes, height, width } = asImage(logits.shape);
  if (printShape(target.shape) !== printShape([batch, height, width])) {
    throw new ShapeError(
      `topKCrossEntropy: logits are ${printShape(logits.shape)}, so the target must be ${printShape([batch, height, width])}, got ${printShape(target.shape)}`,
    );
  }
  if (!(share > 0 && share <= 1)) {
    throw new RangeError(`topKCrossEntropy: the share of the pixels is above 0 and at most 1, got ${share}`);
  }
  const pixels = batch * height * width;
  const kernels = topKLoss({ batch, classes, height, width }, Math.max(1, Math.floor(share * pixels)));
  const inputs = { logits, labels: target };
  const key = String(share);
  const { result, values } = applyKernels({
    name: "top-k-loss",
    key,
    inputs,
    outputs: { result: f32([4]), values: f32([batch, height, width]) },
    lower: (from, to, lowering) => {
      const { result, values } = to;
      lowering.call({ kernel: kernels.values, bindings: { ...from, values } });
      const selection = lowering.scratch([kernels.selection], "u32");
      const histograms = lowering.scratch([kernels.histograms], "u32");
      for (const { histogram, select } of kernels.digits) {
        lowering.call({ kernel: histogram, bindings: { values, selection, histograms } });
        lowering.call({ kernel: select, bindings: { histograms, selection } });
      }
      const partials = lowering.scratch([kernels.partials]);
      lowering.call({ kernel: kernels.sum, bindings: { values, selection, partials } });
      lowering.call({ kernel: kernels.finish, bindings: { partials, selection, result } });
    },
  });
  const gradientOf = (upstream: Tensor): Tensor =>
    applyKernel({
      name: "top-k-loss-grad",
      key,
      inputs: { ...inputs, values, result, upstream },
      output: f32(logits.shape),
      halfOutputs: ["output"],
      lower: (from, gradLogits, lowering) =>
        lowering.call({ kernel: kernels.gradient, bindings: { ...from, gradLogits } }),
    });
  const row = reshape(result, [1, 4, 1, 1]);
  const mean = applyRemap({
    kind: "slice",
    name: "top-k-mean",
    inputs: { row },
    shape: [1, 1, 1, 1],
    channel: 0,
    unread: { logits },
    gradient: (g) => ({ logits: gradientOf(reshape(g, [1])) }),
  });
  return reshape(mean, [1]);
}
