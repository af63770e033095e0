/** Maps (x, y) to (a·x + b·y + c, d·x + e·y + f); written [a, b, c, d, e, f]. Pixel centers are at +½. */
export type PlaneTransform = readonly [number, number, number, number, number, number];

/** From an output of the given size to a source that is stretched onto it. */
export const resizeTransform = (
  sourceWidth: number,
  sourceHeight: number,
  width: number,
  height: number,
): PlaneTransform => [sourceWidth / width, 0, 0, 0, sourceHeight / height, 0];

/**
 * From an output to a source in its middle at its own size, on whole pixels; it may be larger or smaller.
 * @param oddPixel on which side of a smaller source an odd pixel of the margin is.
 */
export function fitTransform(
  sourceWidth: number,
  sourceHeight: number,
  width: number,
  height: number,
  oddPixel: "before" | "after" = "before",
): PlaneTransform {
  const along = (source: number, extent: number): number =>
    oddPixel === "before" ? Math.floor((source - extent) / 2) : Math.ceil((source - extent) / 2);
  return [1, 0, along(sourceWidth, width), 0, 1, along(sourceHeight, height)];
}

/** First `inner`, then `outer`. */
export function composed(outer: PlaneTransform, inner: PlaneTransform): PlaneTransform {
  const [a, b, c, d, e, f] = outer;
  const [p, q, r, s, t, u] = inner;
  return [a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f];
}

/** The way back. @throws RangeError when there is none. */
export function inverted([a, b, c, d, e, f]: PlaneTransform): PlaneTransform {
  const determinant = a * e - b * d;
  if (determinant === 0 || !Number.isFinite(determinant)) {
    throw new RangeError(`the transform ${[a, b, c, d, e, f].join(", ")} has no inverse`);
  }
  const [p, q, s, t] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [p, q, -(p * c + q * f), s, t, -(s * c + t * f)];
}

/** How a picture is flipped, turned, scaled and moved. */
export interface PlaneAugmentation {
  /** Extents of the output. */
  readonly width: number;
  readonly height: number;
  readonly flipX: boolean;
  readonly flipY: boolean;
  /** The picture turns by so much, from x to y. */
  readonly radians: number;
  /** The picture becomes so much larger. */
  readonly zoom: number;
}

/** `base` for a picture that is then mirrored, turned and enlarged about the middle of the output. */
export function augmentTransform(
  base: PlaneTransform,
  { width, height, flipX, flipY, radians, zoom }: PlaneAugmentation,
): PlaneTransform {
  const [cosine, sine] = [Math.cos(radians) / zoom, Math.sin(radians) / zoom];
  const [signX, signY] = [flipX ? -1 : 1, flipY ? -1 : 1];
  const [x, y] = [width / 2, height / 2];
  // Where an output pixel's content was before: turned and shrunk back, then mirrored back.
  const linear = [signX * cosine, signX * sine, -signY * sine, signY * cosine] as const;
  const [a, b, d, e] = linear;
  return composed(base, [a, b, x - a * x - b * y, d, e, y - d * x - e * y]);
}
