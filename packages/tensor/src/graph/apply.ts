import type { DType } from "@lobule/kernels-wgsl";
import { PlanError, printShape, type Shape, ShapeError, sizeOf } from "../shape.js";
import { type HostData, Node, type NonEmpty, type Operation, Tensor, type TensorDevice } from "./tensor.js";

/** Shape and type of an operation's output. */
export interface OutputSpec<S extends Shape = Shape, D extends DType = DType> {
  readonly shape: S;
  readonly dtype: D;
}

/** An output of type f32. */
export const f32 = <const S extends Shape>(shape: S): OutputSpec<S, "f32"> => ({ shape, dtype: "f32" });

/** An output of type u32. */
export const u32 = <const S extends Shape>(shape: S): OutputSpec<S, "u32"> => ({ shape, dtype: "u32" });

/** Applies an operation: makes the node and its output tensors. @throws PlanError when it has no output. */
export function apply(
  operation: Operation,
  inputs: readonly Tensor[],
  [first, ...rest]: readonly OutputSpec[],
): NonEmpty<Tensor> {
  if (first === undefined) throw new PlanError(`${operation.name} has no output`);
  return new Node(operation, inputs, (node) => [
    new Tensor(first.shape, first.dtype, node),
    ...rest.map(({ shape, dtype }, i) => new Tensor(shape, dtype, node, i + 1)),
  ]).outputs;
}

/** {@link apply} for one output, whose type survives. */
export const applyOne = <S extends Shape, D extends DType>(
  operation: Operation,
  inputs: readonly Tensor[],
  { shape, dtype }: OutputSpec<S, D>,
): Tensor<S, D> => new Node(operation, inputs, (node) => [new Tensor(shape, dtype, node)]).outputs[0];

/**
 * A tensor that holds the given numbers.
 * @throws ShapeError when their count differs from the shape's.
 */
export function constant<const S extends Shape, D extends "f32" | "u32" | "i32" = "f32">(
  data: HostData | readonly number[],
  shape: S,
  dtype: D = "f32" as D,
  device?: TensorDevice,
): Tensor<S, D> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`constant: ${data.length} numbers do not fill shape ${printShape(shape)}`);
  }
  const array = { f32: Float32Array, u32: Uint32Array, i32: Int32Array }[dtype].from(data);
  return new Tensor(shape, dtype, { kind: "constant", name: "constant", data: array, device: () => device });
}

/** A placeholder that is fed at every run of a program. */
export const input = <const S extends Shape, D extends DType>(name: string, shape: S, dtype: D): Tensor<S, D> =>
  new Tensor(shape, dtype, { kind: "input", name, key: name });
