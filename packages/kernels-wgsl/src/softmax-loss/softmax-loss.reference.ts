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
  problem: SoftmaxLossProblem,
  options: SoftmaxLossOptions,
): SoftmaxLossValues {
  const { lambdaCrossEntropy, lambdaDice, smooth, normalization } = options;
  const { batch, classes } = problem;
  const images = Array.from({ length: batch }, (_, n) =>
    imageSums(n, { logits, labels, classWeights }, problem, options),
  );
  const total = (of: (sums: ImageSums) => number): number => images.reduce((sum, each) => sum + of(each), 0);
  const normalizer = total(normalization === "weights" ? ({ weight }) => weight : ({ counted }) => counted);
  const pixelLoss = normalizer === 0 ? 0 : total(({ loss }) => loss) / normalizer;
  const overlaps = images.map(({ overlaps }) => overlaps);
  const diceLoss = overlapLoss(overlaps, Array.from(classWeights).slice(classes), options);
  const dice = Float64Array.from(overlaps.flat(), ([i, p, t]) => (2 * i + smooth) / (p + t + smooth));
  return { loss: lambdaCrossEntropy * pixelLoss + lambdaDice * diceLoss, pixelLoss, diceLoss, dice };
}

/** Sums over the pixels of an image whose label is a class. */
interface ImageSums {
  /** Σ w (1 − p_t)^γ (−log p_t), 0 without softmax. */
  readonly loss: number;
  /** Σ w, 0 without softmax. */
  readonly weight: number;
  readonly counted: number;
  readonly overlaps: readonly Sums[];
}

function imageSums(
  n: number,
  { logits, labels, classWeights }: Readonly<Record<"logits" | "labels" | "classWeights", ArrayLike<number>>>,
  { classes, height, width }: SoftmaxLossProblem,
  { gamma, activation, boundary }: SoftmaxLossOptions,
): ImageSums {
  const pixels = height * width;
  const own = Array.from({ length: pixels }, (_, pixel) => labels[n * pixels + pixel] as number);
  const isNearOther = (pixel: number): boolean =>
    own.some((other, at) => {
      const [dx, dy] = [(at % width) - (pixel % width), Math.floor(at / width) - Math.floor(pixel / width)];
      return other < classes && other !== own[pixel] && Math.hypot(dx, dy) <= boundary.radius;
    });
  let [loss, weight, counted] = [0, 0, 0];
  const overlaps = Array.from({ length: classes }, (): [number, number, number] => [0, 0, 0]);
  for (const [pixel, t] of own.entries()) {
    if (t >= classes) continue;
    const z = overlaps.map((_, c) => logits[(n * classes + c) * pixels + pixel] as number);
    let p = z;
    if (activation === "softmax") {
      const m = Math.max(...z);
      const total = z.reduce((sum, value) => sum + Math.exp(value - m), 0);
      p = z.map((value) => Math.exp(value - m) / total);
      const notOwn = p.reduce((sum, value, c) => (c === t ? sum : sum + value), 0);
      const near = boundary.radius > 0 && isNearOther(pixel);
      const w = (classWeights[t] as number) + (near ? boundary.weight : 0);
      loss += w * notOwn ** gamma * (Math.log(total) + m - (z[t] as number));
      weight += w;
    }
    counted++;
    for (const [c, sums] of overlaps.entries()) {
      const probability = p[c] as number;
      sums[1] += probability;
      if (c !== t) continue;
      sums[0] += probability;
      sums[2] += 1;
    }
  }
  return { loss, weight, counted, overlaps };
}

/** I, P and T of a class. */
type Sums = readonly [intersection: number, predicted: number, present: number];

/** 1 − overlap, mean over what overlaps are taken of. */
function overlapLoss(
  images: readonly (readonly Sums[])[],
  weights: readonly number[],
  options: SoftmaxLossOptions,
): number {
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
