import { brief, PytorchError } from "./pytorch-error.js";

/** Element types by the names that safetensors has for them, and their bytes. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** The name of an element type. */
export type ElementType = keyof typeof elementBytes;

/** A tensor of a file: a view of elements that lie there. */
export interface ForeignTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** The distance between neighbors along each axis, in elements. */
  readonly strides: readonly number[];
  /** Where the tensor's first element is, in elements. */
  readonly offset: number;
  /** The elements as they lie in the file, least byte first. */
  readonly storage: Uint8Array;
}

/** The tensors of a state dict by name, in the file's order. */
export type ForeignWeights = ReadonlyMap<string, ForeignTensor>;

/** Elements of a shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, extent) => size * extent, 1);

/** The strides of a tensor whose elements follow each other, the last axis fastest. */
export const contiguousStrides = (shape: readonly number[]): number[] =>
  shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));

/** The values as float32, in the order of the shape. @throws PytorchError naming it when it holds no floating-point numbers. */
export function floatsOf(name: string, { type, shape, strides, offset, storage }: ForeignTensor): Float32Array {
  const read = readers[type];
  if (read === undefined)
    throw new PytorchError(`'${brief(name)}' holds whole numbers (${type}), expected floating-point ones`);
  const view = new DataView(storage.buffer, storage.byteOffset, storage.byteLength);
  const values = new Float32Array(sizeOf(shape));
  const index = shape.map(() => 0);
  let at = offset;
  for (let i = 0; i < values.length; i++) {
    values[i] = read(view, at * elementBytes[type]);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [extent, stride, place] = [shape[axis] as number, strides[axis] as number, index[axis] as number];
      at += stride;
      index[axis] = place + 1;
      if (place + 1 < extent) break;
      at -= stride * extent;
      index[axis] = 0;
    }
  }
  return values;
}

type ReadElement = (view: DataView, at: number) => number;

const readers: Partial<Record<ElementType, ReadElement>> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F16: (view, at) => halfOf(view.getUint16(at, true)),
  // The upper half of a float32.
  BF16: (view, at) => {
    scratch.setUint32(0, view.getUint16(at, true) << 16);
    return scratch.getFloat32(0);
  },
};
const scratch = new DataView(new ArrayBuffer(4));

/** IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
