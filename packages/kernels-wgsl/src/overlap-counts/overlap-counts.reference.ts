import type { ImageShape } from "../contract/kernel.js";

/** For each sample and class: |argmax = c and t = c|, |argmax = c|, |t = c|. */
export function overlapCountsReference(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  { batch, channels, height, width }: ImageShape,
): Uint32Array {
  const plane = height * width;
  const counts = new Uint32Array(batch * channels * 3);
  const add = (n: number, c: number, which: number): void => {
    const at = (n * channels + c) * 3 + which;
    counts[at] = (counts[at] ?? 0) + 1;
  };
  for (let n = 0; n < batch; n++) {
    for (let pixel = 0; pixel < plane; pixel++) {
      const values = Array.from({ length: channels }, (_, c) => logits[(n * channels + c) * plane + pixel] as number);
      const predicted = values.indexOf(Math.max(...values));
      const label = labels[n * plane + pixel] as number;
      if (label === predicted) add(n, predicted, 0);
      add(n, predicted, 1);
      add(n, label, 2);
    }
  }
  return counts;
}
