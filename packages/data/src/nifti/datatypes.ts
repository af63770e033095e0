import type { VoxelArray } from "../volume.js";

/** How voxels are stored in a file. */
export type NiftiDatatype =
  | "uint8"
  | "int8"
  | "uint16"
  | "int16"
  | "uint32"
  | "int32"
  | "uint64"
  | "int64"
  | "float32"
  | "float64";

/** Datatypes that a volume in memory can have, and so those that are written. */
export type WritableDatatype = Exclude<NiftiDatatype, "int64" | "uint64">;

/** Voxels as they are stored. */
export type StoredArray = VoxelArray | BigInt64Array | BigUint64Array;

/** NIfTI's number of each datatype and the array that holds it. Source: nifti1.h, "DATATYPE". */
export const storage = {
  uint8: { code: 2, array: Uint8Array },
  int16: { code: 4, array: Int16Array },
  int32: { code: 8, array: Int32Array },
  float32: { code: 16, array: Float32Array },
  float64: { code: 64, array: Float64Array },
  int8: { code: 256, array: Int8Array },
  uint16: { code: 512, array: Uint16Array },
  uint32: { code: 768, array: Uint32Array },
  int64: { code: 1024, array: BigInt64Array },
  uint64: { code: 1280, array: BigUint64Array },
} as const satisfies Record<NiftiDatatype, { code: number; array: unknown }>;

/** Datatypes of the standard that hold no single real number, or one that no array holds. */
const refused: Readonly<Record<number, string>> = {
  0: "of unknown type",
  1: "single bits",
  32: "complex numbers",
  128: "RGB colors",
  1536: "128-bit floats",
  1792: "complex numbers",
  2048: "complex numbers",
  2304: "RGBA colors",
};

const names = Object.keys(storage) as NiftiDatatype[];

export const datatypeOfCode = (code: number): NiftiDatatype | undefined =>
  names.find((name) => storage[name].code === code);

/** What voxels of a refused datatype are, in words. */
export const describeDatatypeCode = (code: number): string =>
  refused[code] ?? `of datatype ${code}, which does not exist`;

/** The datatype that holds this array's numbers without change. */
export function datatypeOfArray(voxels: VoxelArray): WritableDatatype {
  for (const name of names)
    if (name !== "int64" && name !== "uint64" && voxels instanceof storage[name].array) return name;
  throw new TypeError(`voxels must be in a typed array of 8 to 32 bits or float64, not ${String(voxels)}`);
}

/** An array of that many voxels as the file stores them. */
export const storedArray = (datatype: NiftiDatatype, count: number): StoredArray => new storage[datatype].array(count);

/** The array that holds a file's values after slope and intercept: as stored, if those change nothing. */
export function valueArray(datatype: NiftiDatatype, scaled: boolean): { new (count: number): VoxelArray } & Sized {
  if (datatype === "int64" || datatype === "uint64") return Float64Array;
  if (!scaled) return storage[datatype].array;
  return datatype === "int32" || datatype === "uint32" || datatype === "float64" ? Float64Array : Float32Array;
}

export interface Sized {
  readonly BYTES_PER_ELEMENT: number;
}
