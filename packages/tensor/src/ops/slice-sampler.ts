import { sliceLabels, sliceSampler, splineSampler, wordsPerSample } from "@lobule/kernels-wgsl";
import { f32, u32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { printShape, ShapeError } from "../shape.js";

/** Packed slices, and how each is sampled. */
export interface SliceBatchInputs {
  /** Two int16 a word, [n·slices·slotPixels/2]. */
  readonly pixels: Tensor<readonly [number], "u32">;
  /** Four uint8 a word, [n·slotPixels/4]. */
  readonly labels?: Tensor<readonly [number], "u32">;
  /** What `packSamples` made, [18·n·slices]. */
  readonly samples: Tensor<readonly [number], "u32">;
  /** Neighboring slices that are the channels of one image, 1 by default; they follow one another in `pixels`. */
  readonly slices?: number;
  /** What `packSamples` made of the slices that have labels, [18·n]; `samples` by default. */
  readonly labeled?: Tensor<readonly [number], "u32">;
  /** Pixels from one slice to the next; a multiple of 4. */
  readonly slotPixels: number;
  /**
   * Where images are sampled by cubic splines, what is reserved for the coefficients of a slice: at least `splineCoefficients` of
   * each. They are sampled linearly by default.
   */
  readonly coefficientPixels?: number;
  readonly batch: number;
  /** Extents of the output. */
  readonly height: number;
  readonly width: number;
}

/** Network inputs that were sampled from slices. */
export interface SampledSlices {
  readonly image: Image;
  readonly target: Tensor<readonly [n: number, h: number, w: number], "u32">;
}

/**
 * CT slices as network inputs: windowed, normalized, resampled and augmented as each sample says. image [n, slices, h, w];
 * target [n, h, w] by the most frequent label, where labels are given. In programs of precision f16 too, all is stored in f32. Has
 * no gradient.
 * @throws ShapeError when the inputs do not have the lengths above.
 */
export function sampleSlices(
  inputs: SliceBatchInputs & { readonly labels: Tensor<readonly [number], "u32"> },
): SampledSlices;
export function sampleSlices(inputs: SliceBatchInputs): Pick<SampledSlices, "image">;
export function sampleSlices(inputs: SliceBatchInputs): Pick<SampledSlices, "image"> & Partial<SampledSlices> {
  const {
    pixels,
    labels,
    samples,
    slices = 1,
    labeled = samples,
    slotPixels,
    batch,
    height,
    width,
    coefficientPixels,
  } = inputs;
  if (slotPixels % 4 !== 0) throw new ShapeError(`sampleSlices: slotPixels must be a multiple of 4, got ${slotPixels}`);
  const lengths: [string, Tensor | undefined, number][] = [
    ["pixels", pixels, (batch * slices * slotPixels) / 2],
    ["labels", labels, (batch * slotPixels) / 4],
    ["samples", samples, batch * slices * wordsPerSample],
    ...(labels === undefined ? [] : [["labeled", labeled, batch * wordsPerSample] as [string, Tensor, number]]),
  ];
  for (const [name, tensor, length] of lengths) {
    if (tensor !== undefined && (tensor.shape.length !== 1 || tensor.shape[0] !== length || tensor.dtype !== "u32")) {
      throw new ShapeError(
        `sampleSlices: ${name} is ${tensor.dtype} ${printShape(tensor.shape)}, expected u32 [${length}] for ${batch} slices of ${slotPixels} pixels`,
      );
    }
  }
  const shape = { batch, height, width, slotPixels };
  const key = JSON.stringify({ ...shape, slices });
  const image =
    coefficientPixels === undefined
      ? applyKernel({
          name: "slice-sampler",
          key,
          inputs: { pixels, samples },
          output: f32([batch, slices, height, width] as const),
          lower: (bindings, output, lowering) =>
            lowering.call({
              kernel: sliceSampler({ ...shape, batch: batch * slices }),
              bindings: { ...bindings, image: output },
            }),
        })
      : sampleBySplines(inputs, slices, coefficientPixels);
  if (labels === undefined) return { image };
  const target = applyKernel({
    name: "slice-labels",
    key,
    inputs: { labels, samples: labeled },
    output: u32([batch, height, width] as const),
    lower: (bindings, labelMap, lowering) =>
      lowering.call({ kernel: sliceLabels(shape), bindings: { ...bindings, labelMap } }),
  });
  return { image, target };
}

/** The image of slices that are sampled by cubic splines: their coefficients, and the range of each slice, come first. */
function sampleBySplines(
  { pixels, samples, slotPixels, batch, height, width }: SliceBatchInputs,
  slices: number,
  coefficientPixels: number,
): Image {
  const shape = { batch: batch * slices, height, width, slotPixels, coefficientPixels };
  const key = JSON.stringify(shape);
  const kernels = splineSampler(shape);
  const filtered = f32([shape.batch * coefficientPixels] as const);
  const rows = applyKernel({
    name: "spline-rows",
    key,
    inputs: { pixels, samples },
    output: filtered,
    lower: (bindings, output, lowering) =>
      lowering.call({ kernel: kernels.rows, bindings: { ...bindings, rows: output } }),
  });
  const coefficients = applyKernel({
    name: "spline-columns",
    key,
    inputs: { rows, samples },
    output: filtered,
    lower: (bindings, output, lowering) =>
      lowering.call({ kernel: kernels.columns, bindings: { ...bindings, coefficients: output } }),
  });
  const ranges = applyKernel({
    name: "slice-range",
    key,
    inputs: { pixels, samples },
    output: f32([2 * shape.batch] as const),
    lower: (bindings, output, lowering) =>
      lowering.call({ kernel: kernels.range, bindings: { ...bindings, ranges: output } }),
  });
  return applyKernel({
    name: "spline-sampler",
    key,
    inputs: { coefficients, ranges, samples },
    output: f32([batch, slices, height, width] as const),
    lower: (bindings, output, lowering) =>
      lowering.call({ kernel: kernels.image, bindings: { ...bindings, image: output } }),
  });
}
