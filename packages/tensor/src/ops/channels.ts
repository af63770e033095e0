import type { DType } from "@lobule/kernels-wgsl";
import { apply, applyOne, constant, type Image, type Tensor } from "../graph/tensor.js";
import { asImage, printShape, type Shape, ShapeError, sizeOf } from "../shape.js";

/** The same elements in the same order under another shape. @throws ShapeError when the sizes differ. */
export function reshape<const S extends Shape, D extends DType>(
  x: Tensor<Shape, D>,
  shape: S,
): Tensor<S, DType extends D ? "f32" : D> {
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    throw new ShapeError(
      `reshape: ${printShape(x.shape)} has ${sizeOf(x.shape)} elements, ${printShape(shape)} another count`,
    );
  }
  const [view] = apply(
    { kind: "view", name: "reshape", gradient: ([g]) => [g && reshape(g, x.shape)] },
    [x],
    [{ shape, dtype: x.dtype }],
  );
  return view as Tensor<S, DType extends D ? "f32" : D>;
}

/**
 * a's channels, then b's. a [n, ca, h, w], b [n, cb, h, w] → [n, ca + cb, h, w].
 * @throws ShapeError when n, h or w differ.
 */
export function concatChannels(a: Tensor, b: Tensor): Image {
  const [p, q] = [asImage(a.shape), asImage(b.shape)];
  if (p.batch !== q.batch || p.height !== q.height || p.width !== q.width) {
    throw new ShapeError(
      `concatChannels: ${printShape(a.shape)} and ${printShape(b.shape)} differ in batch, height or width`,
    );
  }
  const channels = p.channels + q.channels;
  return applyOne(
    {
      kind: "concat",
      name: "concat",
      channel: p.channels,
      gradient: ([g]) =>
        g === undefined ? [] : [sliceChannels(g, 0, p.channels), sliceChannels(g, p.channels, channels)],
    },
    [a, b],
    [p.batch, channels, p.height, p.width] as const,
  );
}

/** Channels start … end − 1. @throws ShapeError when they are not within x. */
export function sliceChannels(x: Tensor, start: number, end: number): Image {
  const { batch, channels, height, width } = asImage(x.shape);
  if (!(start >= 0 && start < end && end <= channels)) {
    throw new ShapeError(`sliceChannels: channels ${start} to ${end} are not within ${printShape(x.shape)}`);
  }
  return applyOne(
    {
      kind: "slice",
      name: "slice",
      channel: start,
      gradient: ([g]) => {
        if (g === undefined) return [];
        const zeros = (count: number): Tensor =>
          constant(new Float32Array(batch * count * height * width), [batch, count, height, width]);
        let whole = g;
        if (start > 0) whole = concatChannels(zeros(start), whole);
        if (end < channels) whole = concatChannels(whole, zeros(channels - end));
        return [whole];
      },
    },
    [x],
    [batch, end - start, height, width] as const,
  );
}
