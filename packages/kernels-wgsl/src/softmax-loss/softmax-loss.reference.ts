import type { SoftmaxLossOptions, SoftmaxLossProblem } from "./softmax-loss.js";

export interface SoftmaxLossValues {
  readonly loss: number;
  readonly pixelLoss: number;
  readonly diceLoss: number;
  /** [n, classes] */
  readonly dice: Float64Array;
}

/**
 * L = λ_CE · Σ w (1 − p_t)^γ (−log p_t) / N + λ_Dice · mean_{n,c} v_c (1 − (2I + s)/(2I + 2α(P − I) + 2β(T − I) + s)),
 * the overlap of each class of an image, or as `overlap` says; {@link softmaxLoss} has the formulas.
 * w = w_t + boundary.weight · [a pixel of another class within boundary.radius].
 */
export function softmaxLossReference(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classWeights: ArrayLike<number>,
  { batch, classes, height, width }: SoftmaxLossProblem,
  options: SoftmaxLossOptions,
): SoftmaxLossValues {
  const { lambdaCrossEntropy, lambdaDice, smooth, gamma, normalization, activation, boundary } = options;
  const pixels = height * width;
  const isNearOther = (all: ArrayLike<number>, n: number, pixel: number, radius: number): boolean =>
    Array.from({ length: pixels }, (_, at) => all[n * pixels + at] as number).some((other, at) => {
      const [dx, dy] = [(at % width) - (pixel % width), Math.floor(at / width) - Math.floor(pixel / width)];
      return other < classes && other !== all[n * pixels + pixel] && Math.hypot(dx, dy) <= radius;
    });
  const dice = new Float64Array(batch * classes);
  let pixelSum = 0;
  let weightSum = 0;
  let counted = 0;
  const images: Sums[][] = [];
  for (let n = 0; n < batch; n++) {
    const [intersection, predicted, present] = [0, 0, 0].map(() => new Float64Array(classes)) as [
      Float64Array,
      Float64Array,
      Float64Array,
    ];
    for (let pixel = 0; pixel < pixels; pixel++) {
      const t = labels[n * pixels + pixel] as number;
      if (t >= classes) continue;
      const z = Array.from({ length: classes }, (_, c) => logits[(n * classes + c) * pixels + pixel] as number);
      let p = z;
      if (activation === "softmax") {
        const m = Math.max(...z);
        const total = z.reduce((sum, value) => sum + Math.exp(value - m), 0);
        p = z.map((value) => Math.exp(value - m) / total);
        const notOwn = p.reduce((sum, value, c) => (c === t ? sum : sum + value), 0);
        const near = boundary.radius > 0 && isNearOther(labels, n, pixel, boundary.radius);
        const w = (classWeights[t] as number) + (near ? boundary.weight : 0);
        pixelSum += w * notOwn ** gamma * (Math.log(total) + m - (z[t] as number));
        weightSum += w;
      }
      counted++;
      for (let c = 0; c < classes; c++) {
        predicted[c] = (predicted[c] as number) + (p[c] as number);
        if (c !== t) continue;
        intersection[c] = (intersection[c] as number) + (p[c] as number);
        present[c] = (present[c] as number) + 1;
      }
    }
    const sums = Array.from(
      { length: classes },
      (_, c): Sums => [intersection[c] as number, predicted[c] as number, present[c] as number],
    );
    images.push(sums);
    dice.set(
      sums.map(([i, p, t]) => (2 * i + smooth) / (p + t + smooth)),
      n * classes,
    );
  }
  const normalizer = normalization === "weights" ? weightSum : counted;
  const pixelLoss = normalizer === 0 ? 0 : pixelSum / normalizer;
  const diceLoss = overlapLoss(images, Array.from(classWeights).slice(classes), options);
  return { loss: lambdaCrossEntropy * pixelLoss + lambdaDice * diceLoss, pixelLoss, diceLoss, dice };
}

/** I, P and T of a class. */
type Sums = readonly [intersection: number, predicted: number, present: number];

/** 1 − overlap, mean over what overlaps are taken of. */
function overlapLoss(images: readonly Sums[][], weights: readonly number[], options: SoftmaxLossOptions): number {
  const { smooth, tversky, overlap } = options;
  const [first = []] = images;
  const total = (c: number, at: 0 | 1 | 2): number => images.reduce((sum, image) => sum + (image[c]?.[at] ?? 0), 0);
  const groups =
    overlap.over === "image" ? images : [first.map((_, c): Sums => [total(c, 0), total(c, 1), total(c, 2)])];
  const weighted = ([i, p, t]: Sums): number => i + tversky.alpha * (p - i) + tversky.beta * (t - i);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const losses = groups.map((classes) => {
    if (overlap.of === "class") {
      return mean(
        classes.map((sums, c) => (weights[c] ?? 0) * (1 - (2 * sums[0] + smooth) / (2 * weighted(sums) + smooth))),
      );
    }
    const there = classes.filter(([, , t], c) => t > 0 && (weights[c] ?? 0) > 0).map(([, , t]) => t);
    const least = Math.min(...there);
    const factor = ([, , t]: Sums, c: number): number => (weights[c] ?? 0) * (t <= least ? 1 : (least / t) ** 2);
    const above = classes.reduce((sum, each, c) => sum + factor(each, c) * 2 * each[0], smooth);
    const below = classes.reduce((sum, each, c) => sum + factor(each, c) * 2 * weighted(each), smooth);
    return 1 - above / below;
  });
  return mean(losses);
}
