import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import blurSource from "./blur.wgsl.js";
import contrastSource from "./contrast.wgsl.js";
import gammaSource from "./gamma.wgsl.js";
import lowResolutionSource from "./low-resolution.wgsl.js";

/** How the values of an image are changed; each field in turn. */
export interface IntensityChange {
  /** Standard deviation of a Gaussian blur, in pixels; 0 for none. */
  readonly blur: number;
  /** What values are multiplied by; 1 for no change. */
  readonly brightness: number;
  /** What distances from the image's mean are multiplied by, values then clipped to its range before; 1 for no change. */
  readonly contrast: number;
  /** Rows and columns of the lower resolution that is simulated; 0 for none. */
  readonly coarse: readonly [rows: number, columns: number];
  /** Exponent of a gamma curve on the image turned upside down; 1 for no change. */
  readonly invertedGamma: number;
  /** Exponent of a gamma curve; 1 for no change. */
  readonly gamma: number;
}

/** The change that changes nothing. */
export const noIntensityChange: IntensityChange = {
  blur: 0,
  brightness: 1,
  contrast: 1,
  coarse: [0, 0],
  invertedGamma: 1,
  gamma: 1,
};

/** Numbers that describe a change. */
export const wordsPerIntensityChange = 7;

/** Changes in the form that the kernels read: 7 numbers each. */
export function packIntensityChanges(changes: readonly IntensityChange[]): Float32Array<ArrayBuffer> {
  const words = new Float32Array(changes.length * wordsPerIntensityChange);
  changes.forEach(({ blur, brightness, contrast, coarse, invertedGamma, gamma }, n) => {
    words.set([blur, brightness, contrast, ...coarse, invertedGamma, gamma], n * wordsPerIntensityChange);
  });
  return words;
}

/** Images of one channel. */
export interface PlanesShape {
  readonly images: number;
  readonly height: number;
  readonly width: number;
}

/**
 * The kernels that change images [images, h, w] in turn, each with the bindings image, changes and output:
 *
 * - blur: weights exp(−d²/2σ²) up to round(4σ) pixels away, mirrored beyond the edges, d c b a | a b c d | d c b a;
 * - brightness and contrast: x ← b·x, then clip(m + c·(x − m), least x, largest x), m the mean;
 * - lower resolution: a coarse pixel is the nearest fine one, between coarse pixels it is linear;
 * - gamma, first inverted, then not: u ← (x − l)/r by the least value l and the range r, x ← l + r·u^γ, or of u from the
 *   top x ← l + r − r·u^γ; then values are moved and scaled so that mean and standard deviation are those before.
 *
 * Source: the intensity transforms of nnU-Net's training, Isensee et al. 2021, supplementary note 2.4, as its
 * batchgeneratorsv2 computes them; blur as scipy.ndimage.gaussian_filter.
 */
export function changeIntensities(shape: PlanesShape): readonly Kernel[] {
  const { images, height, width } = shape;
  const plane = height * width;
  const all = images * plane;
  const byPixel = {
    sizes: { images, height, width },
    workgroups: [...foldWorkgroups(ceilDivide(all, 64)), 1],
  } as const;
  const byImage = (sizes: Readonly<Record<string, number>>) =>
    ({ sizes: { images, plane, ...sizes }, workgroups: [...foldWorkgroups(images), 1] }) as const;
  const bytes = 8 * all;
  const gamma = (inverted: 0 | 1): Kernel => ({
    name: inverted === 1 ? "gamma-inverted" : "gamma",
    source: gammaSource,
    launches: [byImage({ inverted })],
    flops: 40 * all,
    bytes,
  });
  return [
    { name: "blur", source: blurSource, launches: [byPixel], flops: 2 * 81 * all, bytes },
    { name: "contrast", source: contrastSource, launches: [byImage({})], flops: 8 * all, bytes },
    { name: "low-resolution", source: lowResolutionSource, launches: [byPixel], flops: 10 * all, bytes },
    gamma(1),
    gamma(0),
  ];
}
