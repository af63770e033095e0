import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import { extendSizes, renumberBindings, replaceBinding, replaceDefinition } from "../transforms/wgsl-text.js";
import rangeSource from "./slice-range.wgsl.js";
import type { SliceBatchShape } from "./slice-sampler.js";
import imageSource from "./slice-sampler.wgsl.js";
import columnsSource from "./spline-columns.wgsl.js";
import rowsSource from "./spline-rows.wgsl.js";

/** Coefficients beyond the edges of a slice, on each side. */
const margin = 2;

/** How many coefficients the splines through a slice have. */
export const splineCoefficients = (width: number, height: number): number =>
  (width + 2 * margin) * (height + 2 * margin);

/** Slices, and network inputs, of which each pixel is found by splines. */
export interface SplineBatchShape extends SliceBatchShape {
  /** From the coefficients of one slice to those of the next; at least {@link splineCoefficients} of each. */
  readonly coefficientPixels: number;
}

/** What takes the place of linear interpolation. `ranges` are of the slices, so that a spline swings beyond none. */
const cubic = `fn splineWeights(t: f32) -> vec4f {
  let s = 1.0 - t;
  return vec4f(s * s * s, 3.0 * t * t * t - 6.0 * t * t + 4.0, 3.0 * s * s * s - 6.0 * s * s + 4.0, t * t * t) / 6.0;
}

fn interpolated(n: u32, s: Sample, place: vec2f) -> f32 {
  let extent = vec2f(f32(s.width), f32(s.height));
  if (any(place < vec2f(0.0)) || any(place > extent)) { return s.outside; }
  let p = place - 0.5;
  let corner = floor(p);
  let alongX = splineWeights(p.x - corner.x);
  let alongY = splineWeights(p.y - corner.y);
  let stride = s.width + ${2 * margin}u;
  let first = n * sizes.coefficientPixels + u32(corner.y + 1.0) * stride + u32(corner.x + 1.0);
  var sum = 0.0;
  for (var j = 0u; j < 4u; j++) {
    let at = first + j * stride;
    let four = vec4f(coefficients[at], coefficients[at + 1u], coefficients[at + 2u], coefficients[at + 3u]);
    sum += alongY[j] * dot(alongX, four);
  }
  return clamp(sum, ranges[2u * n], ranges[2u * n + 1u]);
}`;

/** The text of the sampler, reading coefficients in the place of pixels, each at one place. */
const samplerSource = (): string => {
  const bound = replaceBinding(
    extendSizes(imageSource, ["coefficientPixels"]),
    "pixels",
    "var<storage, read> coefficients: array<f32>;\n@group(0) @binding(0) var<storage, read> ranges: array<f32>;",
  );
  const definitions = {
    hounsfield: "",
    interpolated: cubic,
    placesAlong: "fn placesAlong(s: Sample) -> u32 { return 1u; }",
  };
  return renumberBindings(
    Object.entries(definitions).reduce((text, [name, by]) => replaceDefinition(text, "fn", name, by), bound),
  );
};

/**
 * What samples slices by cubic splines: `rows` and `columns` make the coefficients of the splines through the clipped HU, `range`
 * finds the least and the greatest of them, and `image` is {@link sliceSampler} of splines.
 *
 * A spline is Σ c(k) B(x − k), B the cubic B-spline, whose coefficients c = √3 Σ z^|k| f(x − k), z = √3 − 2, make it go through
 * the pixels f; along the rows, then along the columns. Beyond the edge f is that of the edge. Values are clipped to the range of
 * the slice. Where slices shrink nothing is averaged: as `scipy.ndimage.zoom` of order 3 in the mode "nearest" with `grid_mode`,
 * which nnU-Net calls through `skimage.transform.resize` with anti_aliasing=False.
 * Source: Unser, Aldroubi and Eden 1993, "B-spline signal processing"; Isensee et al. 2021, nnU-Net.
 *
 * Bindings of rows pixels, samples, rows; of columns rows, samples, coefficients; of range pixels, samples, ranges; of image
 * coefficients, ranges, samples, image. All of `batch` slices.
 */
export function splineSampler(
  shape: SplineBatchShape,
): Readonly<Record<"rows" | "columns" | "range" | "image", Kernel>> {
  const { batch, slotPixels, coefficientPixels, height, width } = shape;
  const sizes = { batch, slotPixels, coefficientPixels };
  const each = (count: number) => [...foldWorkgroups(ceilDivide(count, 64)), 1] as const;
  const [coefficients, pixels] = [batch * coefficientPixels, batch * height * width];
  // Twelve neighbors on either side.
  const filter = { launches: [{ sizes, workgroups: each(coefficients) }], flops: 62 * coefficients };
  return {
    rows: { ...filter, name: "spline-rows", source: rowsSource, bytes: 4 * coefficients + 2 * batch * slotPixels },
    columns: { ...filter, name: "spline-columns", source: columnsSource, bytes: 8 * coefficients },
    range: {
      name: "slice-range",
      source: rangeSource,
      launches: [{ sizes, workgroups: [...foldWorkgroups(batch), 1] }],
      flops: 0,
      bytes: 2 * batch * slotPixels,
    },
    image: {
      name: "spline-sampler",
      source: samplerSource(),
      launches: [{ sizes: { ...sizes, height, width }, workgroups: each(pixels) }],
      flops: 80 * pixels,
      bytes: 4 * (pixels + coefficients),
    },
  };
}
