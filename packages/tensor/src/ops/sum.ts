import { applyOne, f32 } from "../graph/apply.js";
import { applyKernel, applyPointwise } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { asImage, printShape, type Shape, ShapeError, sameShape, sizeOf } from "../shape.js";
import { reshape } from "./channels.js";
import { sumChannels } from "./convolution.js";

/** Partial sums by channel; see {@link StatisticsOperation}. */
export const statistics = (mode: "moments" | "sums", x: Tensor, second?: Tensor): Tensor<readonly [number, 4], "f32"> =>
  applyOne(
    { kind: "statistics", name: `channel-${mode}`, mode },
    second ? [x, second] : [x],
    f32([asImage(x.shape).channels, 4]),
  );

/**
 * Σ over n, h, w of each channel. x [n, c, h, w] → [c].
 *
 * The sum is fused into the epilogue of the kernel that makes x where it can be.
 */
export const channelSum = (x: Tensor): Tensor<readonly [number], "f32"> => sumsOf(x, asImage(x.shape).channels);

/** @param channels those of x. */
function sumsOf<C extends number>(x: Tensor, channels: C): Tensor<readonly [C], "f32"> {
  return applyKernel({
    name: "channel-sum",
    inputs: { partials: statistics("sums", x), x },
    output: f32([channels] as const),
    halfInputs: ["x"],
    lower: ({ partials }, output, lowering) =>
      lowering.sum(partials, output, {
        partialOffset: 1,
        partialStride: channels * 4,
        elementStride: 4,
        length: channels,
        count: lowering.partialsOf(partials),
      }),
    gradient: (gradOutput, inputs) => ({
      x: broadcastTo(reshape(gradOutput, [1, channels, 1, 1]), inputs.x.shape),
    }),
  });
}

/** x repeated along the axes where it has extent 1. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  return applyPointwise({
    name: "broadcast",
    inputs: { x },
    shape,
    wgsl: (args) => args.x,
    gradient: (gradOutput, inputs) => ({ x: sumToShape(gradOutput, inputs.x.shape) }),
  });
}

/** Σ over one axis, which keeps extent 1. */
export function sumAxis(x: Tensor, axis: number): Tensor<Shape, "f32"> {
  const extent = x.shape[axis] ?? 1;
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const summed =
    inner === 1 ? channelSum(reshape(x, [1, outer, 1, extent])) : sumChannels(reshape(x, [outer, extent, 1, inner]));
  return reshape(
    summed,
    x.shape.map((each, i) => (i === axis ? 1 : each)),
  );
}

/** Σ of all elements, as a scalar. */
export const sum = (x: Tensor): Tensor<readonly [1], "f32"> => sumsOf(reshape(x, [1, 1, 1, sizeOf(x.shape)]), 1);

/** The gradient of a broadcast: sums over the axes along which `shape` was repeated. */
export function sumToShape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  if (shape.length > x.shape.length) throw new ShapeError(`cannot sum ${printShape(x.shape)} to ${printShape(shape)}`);
  const padded = [...Array<number>(x.shape.length - shape.length).fill(1), ...shape];
  const [, c = 1, h, w] = padded;
  if (padded.length === 4 && padded[0] === 1 && h === 1 && w === 1 && c === x.shape[1]) {
    return reshape(channelSum(x), shape);
  }
  if (padded.length === 4 && padded[0] === x.shape[0] && h === 1 && w === 1 && c === x.shape[1]) {
    const [n = 1, , height = 1, width = 1] = x.shape;
    return reshape(channelSum(reshape(x, [1, n * c, height, width])), shape);
  }
  if (sizeOf(padded) === 1) return reshape(sum(x), shape);
  let result = x;
  padded.forEach((extent, axis) => {
    if (extent === 1 && result.shape[axis] !== 1) result = sumAxis(result, axis);
  });
  return reshape(result, shape);
}
