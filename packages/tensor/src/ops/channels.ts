import type { DType } from "@lobule/kernels-wgsl";
import { applyOne, constant } from "../graph/apply.js";
import { applyRemap } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, type Shape, ShapeError, sizeOf } from "../shape.js";

/** The same elements in the same order under another shape. @throws ShapeError when the sizes differ. */
export function reshape<const S extends Shape, D extends DType>(x: Tensor<Shape, D>, shape: S): Tensor<S, D> {
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    throw new ShapeError(
      `reshape: ${printShape(x.shape)} has ${sizeOf(x.shape)} elements, ${printShape(shape)} another count`,
    );
  }
  return applyOne(
    { kind: "view", name: "reshape", gradient: ([g], [input]) => [g && input && reshape(g, input.shape)] },
    [x],
    { shape, dtype: x.dtype },
  );
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
  return applyRemap({
    kind: "concat",
    name: "concat",
    inputs: { a, b },
    shape: [p.batch, channels, p.height, p.width],
    channel: p.channels,
    gradient: (g) => ({ a: sliceChannels(g, 0, p.channels), b: sliceChannels(g, p.channels, channels) }),
  });
}

/** Channels start … end − 1. @throws ShapeError when they are not within x. */
export function sliceChannels(x: Tensor, start: number, end: number): Image {
  const { batch, channels, height, width } = asImage(x.shape);
  if (!(start >= 0 && start < end && end <= channels)) {
    throw new ShapeError(`sliceChannels: channels ${start} to ${end} are not within ${printShape(x.shape)}`);
  }
  return applyRemap({
    kind: "slice",
    name: "slice",
    inputs: { x },
    shape: [batch, end - start, height, width],
    channel: start,
    gradient: (g) => {
      const zeros = (count: number): Tensor =>
        constant(new Float32Array(batch * count * height * width), [batch, count, height, width]);
      const after = start > 0 ? concatChannels(zeros(start), g) : g;
      return { x: end < channels ? concatChannels(after, zeros(channels - end)) : after };
    },
  });
}
