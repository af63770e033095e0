import { ceilDivide, foldWorkgroups, type Kernel, KernelDeclarationError } from "../contract/kernel.js";
import type { SoftmaxLossProblem } from "../softmax-loss/softmax-loss.js";
import { withConstant } from "../transforms/wgsl-text.js";
import finishSource from "./top-k-finish.wgsl.js";
import histogramSource from "./top-k-histogram.wgsl.js";
import valuesSource from "./top-k-loss.wgsl.js";
import gradSource from "./top-k-loss-grad.wgsl.js";
import selectSource from "./top-k-select.wgsl.js";
import sumSource from "./top-k-sum.wgsl.js";

/** The kernels of the loss, in the order in which they run. */
export interface TopKLossKernels {
  /** logits, labels → values [n, h, w]. */
  readonly values: Kernel;
  /** For each digit of the k-th largest value: values, selection → histograms; histograms → selection. */
  readonly digits: readonly { readonly histogram: Kernel; readonly select: Kernel }[];
  /** values, selection → partials. */
  readonly sum: Kernel;
  /** partials, selection → result [4]. */
  readonly finish: Kernel;
  /** logits, labels, values, result, upstream → gradLogits. */
  readonly gradient: Kernel;
  /** Elements of `histograms` and `selection`, u32, and of `partials`. */
  readonly histograms: number;
  readonly selection: number;
  readonly partials: number;
}

const maxClasses = 16;
const lanes = 64;
const sumLanes = 256;
const bins = 2048;
const mostHistograms = 128;
const mostSums = 1024;
/** The 31 bits of a number that is not negative, in digits of at most 11: the bit above a digit, and its lowest. */
const digitsOfBits = [
  { above: 31, shift: 20 },
  { above: 20, shift: 9 },
  { above: 9, shift: 0 },
] as const;

/**
 * The mean of the k largest cross-entropies of pixels, −log p_t on the softmax p over classes, of all images together.
 *
 * The k-th largest is found by its bits, eleven at a time from the highest. Values that equal it share what is left of k, so
 * that the result and its gradient depend on no order. A label that is no class has the loss 0.
 * @throws KernelDeclarationError for more than 16 classes, or a k that is no whole number from 1 to the number of pixels.
 * Source: Wu, Shen and van den Hengel 2016, "Bridging category-level and instance-level semantic image segmentation" (online
 * bootstrapping); nnU-Net's TopKLoss.
 */
export function topKLoss({ batch, classes, height, width }: SoftmaxLossProblem, k: number): TopKLossKernels {
  const pixels = height * width;
  const count = batch * pixels;
  if (classes < 1 || classes > maxClasses) {
    throw new KernelDeclarationError(`top-k-loss: ${classes} classes, from 1 to ${maxClasses} are possible`);
  }
  if (!Number.isInteger(k) || k < 1 || k > count) {
    throw new KernelDeclarationError(`top-k-loss: the ${k} largest, whole numbers from 1 to ${count} are possible`);
  }
  const withClasses = (source: string): string => withConstant(source, "CLASSES", classes);
  const ofPixels = [
    { sizes: { batch, pixels }, workgroups: [...foldWorkgroups(ceilDivide(count, lanes)), 1] },
  ] as const;
  const histograms = histogramsOf(count);
  const segmentLength = Math.max(8 * sumLanes, ceilDivide(count, mostSums));
  const sums = ceilDivide(count, segmentLength);
  return {
    values: {
      name: "top-k-loss",
      source: withClasses(valuesSource),
      launches: ofPixels,
      flops: 4 * count * classes,
      bytes: 4 * count * (classes + 2),
    },
    digits: digitsOfBits.map((bits, digit) => digitKernels({ ...bits, digit }, count, k)),
    sum: {
      name: "top-k-sum",
      source: sumSource,
      launches: [{ sizes: { count, segmentLength }, workgroups: [sums, 1, 1] }],
      flops: count,
      bytes: 4 * (count + sums),
    },
    finish: {
      name: "top-k-finish",
      source: finishSource,
      launches: [{ sizes: { workgroups: sums, k }, workgroups: [1, 1, 1] }],
      flops: sums,
      bytes: 4 * (sums + 4),
    },
    gradient: {
      name: "top-k-loss-grad",
      source: withClasses(gradSource),
      launches: ofPixels,
      flops: 5 * count * classes,
      bytes: 4 * count * (2 * classes + 2),
    },
    histograms: histograms * bins,
    selection: 3 * digitsOfBits.length,
    partials: sums,
  };
}

/** Workgroups that count, each for itself. */
const histogramsOf = (count: number): number => Math.min(mostHistograms, ceilDivide(count, 8 * sumLanes));

/** What finds a digit of the k-th largest of so many values. */
function digitKernels(
  { digit, above, shift }: { readonly digit: number; readonly above: number; readonly shift: number },
  count: number,
  k: number,
): TopKLossKernels["digits"][number] {
  const histograms = histogramsOf(count);
  return {
    histogram: {
      name: "top-k-histogram",
      source: histogramSource,
      launches: [{ sizes: { count, digit, above, shift }, workgroups: [histograms, 1, 1] }],
      flops: 0,
      bytes: 4 * (count + histograms * bins),
    },
    select: {
      name: "top-k-select",
      source: selectSource,
      launches: [
        { sizes: { workgroups: histograms, digit, shift, digits: 2 ** (above - shift), k }, workgroups: [1, 1, 1] },
      ],
      flops: 0,
      bytes: 4 * histograms * bins,
    },
  };
}
