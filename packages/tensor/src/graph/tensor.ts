import type { DType } from "@lobule/kernels-wgsl";
import type { Device } from "../device/device.js";
import { PlanError, printShape, type Shape, ShapeError, sizeOf } from "../shape.js";
import type { Node, Operation } from "./operation.js";

let nextId = 0;

/** Arrays that hold a tensor's elements on the host. */
export type HostData = Float32Array | Uint32Array | Int32Array;

/**
 * A typed handle on a value that is computed when it is asked for. Its rank, and channels where they are literal, are
 * checked by the TypeScript compiler; the same rules hold at run time.
 */
export class Tensor<S extends Shape = Shape, D extends DType = DType> {
  /** In order of creation; an input's id is below that of everything made from it. */
  readonly id: number = nextId++;

  constructor(
    readonly shape: S,
    readonly dtype: D,
    readonly node: Node,
    readonly index: number,
  ) {}

  /**
   * Computes this tensor and reads it back.
   * @throws PlanError when no tensor that it is made from lives on a device.
   */
  async data(): Promise<HostData> {
    const device = deviceOf(this);
    if (device === undefined) {
      throw new PlanError(
        "this tensor was made without a device: give one to constant(…, device), or use device.evaluate(…)",
      );
    }
    return (await device.evaluate({ data: this })).data as HostData;
  }
}

/** N×C×H×W activations. */
export type Image<C extends number = number> = Tensor<readonly [n: number, c: C, h: number, w: number], "f32">;
/** One number a channel. */
export type Vector<C extends number = number> = Tensor<readonly [C], "f32">;
export type Scalar = Tensor<readonly [1], "f32">;

/** Applies an operation: makes the node and its output tensors. */
export function apply(
  operation: Operation,
  inputs: readonly Tensor[],
  outputs: readonly { readonly shape: Shape; readonly dtype: DType }[],
): Tensor[] {
  const made: Tensor[] = [];
  const node: Node = { id: nextId++, operation, inputs, outputs: made };
  outputs.forEach(({ shape, dtype }, index) => {
    made.push(new Tensor(shape, dtype, node, index));
  });
  return made;
}

/** {@link apply} for one output of type f32 (or `dtype`). */
export function applyOne<S extends Shape>(operation: Operation, inputs: readonly Tensor[], shape: S): Tensor<S, "f32"> {
  return apply(operation, inputs, [{ shape, dtype: "f32" }])[0] as Tensor<S, "f32">;
}

/** The tensor whose memory this one shares: itself, or what a chain of reshapes began with. */
export function storageOf(tensor: Tensor): Tensor {
  let base = tensor;
  while (base.node.operation.kind === "view") base = base.node.inputs[0] as Tensor;
  return base;
}

/** Data of constants, and the device on which `data()` evaluates what is made from them. */
export const constantData = new WeakMap<Node, { readonly data: HostData; readonly device: Device | undefined }>();

/**
 * A tensor that holds the given numbers.
 * @throws ShapeError when their count differs from the shape's.
 */
export function constant<const S extends Shape, D extends "f32" | "u32" | "i32" = "f32">(
  data: HostData | readonly number[],
  shape: S,
  dtype: D = "f32" as D,
  device?: Device,
): Tensor<S, D> {
  if (data.length !== sizeOf(shape)) {
    throw new ShapeError(`constant: ${data.length} numbers do not fill shape ${printShape(shape)}`);
  }
  const array = { f32: Float32Array, u32: Uint32Array, i32: Int32Array }[dtype].from(data);
  const [tensor] = apply({ kind: "constant", name: "constant" }, [], [{ shape, dtype }]);
  constantData.set((tensor as Tensor).node, { data: array, device });
  return tensor as Tensor<S, D>;
}

/** A placeholder that is fed at every run of a program. */
export function input<const S extends Shape, D extends DType>(name: string, shape: S, dtype: D): Tensor<S, D> {
  return apply({ kind: "input", name, key: name }, [], [{ shape, dtype }])[0] as Tensor<S, D>;
}

function deviceOf(tensor: Tensor): Device | undefined {
  const seen = new Set<Node>();
  const stack = [tensor.node];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const device = constantData.get(node)?.device ?? variableDevice(node);
    if (device !== undefined) return device;
    stack.push(...node.inputs.map((each) => each.node));
  }
  return undefined;
}

const variableDevice = (node: Node): Device | undefined => {
  const [output] = node.outputs;
  return output !== undefined && "group" in output ? (output as { device?: Device }).device : undefined;
};

/** Every node that the tensors depend on, inputs first. */
export function nodesBelow(roots: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const stack = roots.map((root) => root.node);
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    for (const each of node.inputs) stack.push(each.node);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}
