import { add, type Image, type Scalar, scale } from "@lobule/tensor";
import type { SegmentationLoss } from "./target.js";

/**
 * Loss of a network with logits at several levels: Σ 2⁻ⁱ·Lᵢ / Σ 2⁻ⁱ, i = 0 for the finest. All but `loss` are those of
 * the finest level; of one level alone it is that level's loss itself.
 *
 * Source: Lee et al. 2015, "Deeply-supervised nets"; weights as in nnU-Net, Isensee et al. 2021.
 */
export function deeplySupervised<L extends SegmentationLoss, Classes extends number>(
  logits: readonly [Image<Classes>, ...Image<Classes>[]],
  lossOf: (logits: Image<Classes>) => L,
): L {
  const [finest, ...coarser] = logits;
  const main = lossOf(finest);
  if (coarser.length === 0) return main;
  const total = 2 - 2 ** -coarser.length;
  const loss = coarser.reduce<Scalar>(
    (sum, each, i) => add(sum, scale(lossOf(each).loss, 2 ** -(i + 1) / total)),
    scale(main.loss, 1 / total),
  );
  return { ...main, loss };
}
