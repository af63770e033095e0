import type { ImageShape } from "@lobule/kernels-wgsl";

/** Extents of a tensor, outermost first. A scalar has shape `[1]`. */
export type Shape = readonly number[];

export const sizeOf = (shape: Shape): number => shape.reduce((size, extent) => size * extent, 1);

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((extent, i) => extent === b[i]);

/** A shape as text, such as [2, 3]. */
export const printShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** The tensor's extents as an NCHW image: leading ones are added, a rank above 4 is refused. */
export function asImage(shape: Shape): ImageShape {
  if (shape.length > 4) throw new ShapeError(`rank 4 at most is supported, got ${printShape(shape)}`);
  const [batch, channels, height, width] = [...Array<number>(4 - shape.length).fill(1), ...shape];
  return { batch: batch ?? 1, channels: channels ?? 1, height: height ?? 1, width: width ?? 1 };
}

/**
 * NumPy broadcasting of two shapes.
 * @throws ShapeError naming the op and both shapes when an extent differs and neither is 1.
 */
export function broadcastShapes(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const extent = (shape: Shape, i: number): number => shape[shape.length - rank + i] ?? 1;
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [extent(a, i), extent(b, i)];
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(`${operation}: shapes ${printShape(a)} and ${printShape(b)} do not fit together`);
    }
    return Math.max(x, y);
  });
}

/** Shapes that do not fit an operation; the message names the operation and every shape. */
export class ShapeError extends Error {
  override readonly name: string = "ShapeError";
}

/** A normalization whose mean is of one value, so that the difference from it is nothing; the message says of what. */
export class DegenerateNormError extends ShapeError {
  override readonly name = "DegenerateNormError";
}

/** A plan that cannot be made or run: limits of the adapter, missing inputs, wrong types. */
export class PlanError extends Error {
  override readonly name = "PlanError";
}
