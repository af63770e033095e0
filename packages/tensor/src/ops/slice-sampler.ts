import { sliceLabels, sliceSampler, wordsPerSample } from "@lobule/kernels-wgsl";
import { apply, type Image, type Tensor } from "../graph/tensor.js";
import { printShape, ShapeError } from "../shape.js";

export interface SliceBatchInputs {
  /** Two int16 a word, [n·slotPixels/2]. */
  readonly pixels: Tensor<readonly [number], "u32">;
  /** Four uint8 a word, [n·slotPixels/4]. */
  readonly labels?: Tensor<readonly [number], "u32">;
  /** What `packSamples` made, [17·n]. */
  readonly samples: Tensor<readonly [number], "u32">;
  /** Pixels from one slice to the next; a multiple of 4. */
  readonly slotPixels: number;
  readonly batch: number;
  /** Extents of the output. */
  readonly height: number;
  readonly width: number;
}

export interface SampledSlices {
  readonly image: Image<1>;
  readonly target: Tensor<readonly [n: number, h: number, w: number], "u32">;
}

/**
 * CT slices as network inputs: windowed, normalised, resampled and augmented as each sample says. image [n, 1, h, w];
 * target [n, h, w] by the most frequent label, where labels are given. Has no gradient.
 * @throws ShapeError when the inputs do not have the lengths above.
 */
export function sampleSlices(
  inputs: SliceBatchInputs & { readonly labels: Tensor<readonly [number], "u32"> },
): SampledSlices;
export function sampleSlices(inputs: SliceBatchInputs): Pick<SampledSlices, "image">;
export function sampleSlices(inputs: SliceBatchInputs): Pick<SampledSlices, "image"> & Partial<SampledSlices> {
  const { pixels, labels, samples, slotPixels, batch, height, width } = inputs;
  if (slotPixels % 4 !== 0) throw new ShapeError(`sampleSlices: slotPixels must be a multiple of 4, got ${slotPixels}`);
  const lengths: [string, Tensor | undefined, number][] = [
    ["pixels", pixels, (batch * slotPixels) / 2],
    ["labels", labels, (batch * slotPixels) / 4],
    ["samples", samples, batch * wordsPerSample],
  ];
  for (const [name, tensor, length] of lengths) {
    if (tensor !== undefined && (tensor.shape.length !== 1 || tensor.shape[0] !== length || tensor.dtype !== "u32")) {
      throw new ShapeError(
        `sampleSlices: ${name} is ${tensor.dtype} ${printShape(tensor.shape)}, expected u32 [${length}] for ${batch} slices of ${slotPixels} pixels`,
      );
    }
  }
  const shape = { batch, height, width, slotPixels };
  const key = JSON.stringify(shape);
  const [image] = apply(
    {
      kind: "kernel",
      name: "slice-sampler",
      key,
      lower: (lowering, [source, words], [output]) =>
        lowering.call({
          kernel: sliceSampler(shape),
          bindings: { pixels: source as Tensor, samples: words as Tensor, image: output as Tensor },
        }),
    },
    [pixels, samples],
    [{ shape: [batch, 1, height, width], dtype: "f32" }],
  );
  if (labels === undefined) return { image: image as Image<1> };
  const [target] = apply(
    {
      kind: "kernel",
      name: "slice-labels",
      key,
      lower: (lowering, [source, words], [output]) =>
        lowering.call({
          kernel: sliceLabels(shape),
          bindings: { labels: source as Tensor, samples: words as Tensor, labelMap: output as Tensor },
        }),
    },
    [labels, samples],
    [{ shape: [batch, height, width], dtype: "u32" }],
  );
  return { image: image as Image<1>, target: target as SampledSlices["target"] };
}
