import type { SoftmaxLossProblem } from "../softmax-loss/softmax-loss.js";

/** Cross-entropy of each pixel, 0 where the label is no class; the mean of the k largest is the loss. */
export function topKLossReference(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  { batch, classes, height, width }: SoftmaxLossProblem,
  k: number,
): number {
  const pixels = height * width;
  const values = Float64Array.from({ length: batch * pixels }, (_, at) => {
    const t = labels[at] as number;
    if (t >= classes) return 0;
    const base = Math.floor(at / pixels) * classes * pixels + (at % pixels);
    const z = Array.from({ length: classes }, (_, c) => logits[base + c * pixels] as number);
    const largest = Math.max(...z);
    return Math.log(z.reduce((sum, each) => sum + Math.exp(each - largest), 0)) + largest - (z[t] as number);
  });
  return (
    values
      .toSorted((a, b) => b - a)
      .slice(0, k)
      .reduce((sum, value) => sum + value, 0) / k
  );
}
