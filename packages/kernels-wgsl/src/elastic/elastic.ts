import { ceilDivide, foldWorkgroups, type ImageShape, type Kernel } from "../contract/kernel.js";
import imageSource from "./elastic-image.wgsl.js";
import labelsSource from "./elastic-labels.wgsl.js";

/** How a sample is deformed: by random displacements of control points. */
export interface Deformation {
  /** Standard deviation of the displacement of a control point, in pixels, along each axis; 0 for none. */
  readonly deviation: number;
  /** Cells of the grid of control points along each axis, at least 1. */
  readonly cells: number;
  /** Of the displacements, u32. */
  readonly seed: number;
}

/** The deformation that changes nothing. */
export const noDeformation: Deformation = { deviation: 0, cells: 1, seed: 0 };

/** Words that describe a deformation. */
export const wordsPerDeformation = 3;

/** Deformations in the form that the kernels read: 3 words each, the deviation as its bits. */
export function packDeformations(deformations: readonly Deformation[]): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(deformations.length * wordsPerDeformation);
  const floats = new Float32Array(words.buffer);
  deformations.forEach(({ deviation, cells, seed }, n) => {
    words.set([0, cells, seed], n * wordsPerDeformation);
    floats[n * wordsPerDeformation] = deviation;
  });
  return words;
}

const launchesOf = ({ batch, channels, height, width }: ImageShape): Kernel["launches"] => [
  {
    sizes: { images: batch * channels, channels, height, width },
    workgroups: [...foldWorkgroups(ceilDivide(batch * channels * height * width, 64)), 1],
  },
];

/**
 * Samples [n, c, h, w] that are deformed elastically: the pixel at (x, y) shows what was at (x, y) + d(x, y), bilinearly; beyond
 * the edges what is nearest. Bindings image, deformations, output.
 *
 * d = σ · Σ B(i) B(j) z over the 4 × 4 control points around the pixel, B cubic B-splines and z two normal numbers a control
 * point, from philox4x32([control point, 1, 0, 0], [seed, 0]) by Box and Muller; the grid has `cells` cells along each side and
 * a row of control points more on either side of it.
 * Source: Ronneberger et al. 2015, "U-Net": random displacements on a coarse grid, a smooth field between them.
 */
export const elasticImage = (shape: ImageShape): Kernel => ({
  name: "elastic-image",
  source: imageSource,
  launches: launchesOf(shape),
  flops: 500 * shape.batch * shape.channels * shape.height * shape.width,
  bytes: 8 * shape.batch * shape.channels * shape.height * shape.width,
});

/** Labels [n, h, w], u32, deformed as their images; the nearest one. Bindings labels, deformations, output. */
export const elasticLabels = (shape: Omit<ImageShape, "channels">): Kernel => ({
  name: "elastic-labels",
  source: labelsSource,
  launches: launchesOf({ ...shape, channels: 1 }),
  flops: 500 * shape.batch * shape.height * shape.width,
  bytes: 8 * shape.batch * shape.height * shape.width,
});
