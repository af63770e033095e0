import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NiftiDatatype } from "../datatypes.js";

/** A header as it stands in a file. Written from the standard's table of fields, apart from the reader. */
export interface NiftiFields {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** sizeof_hdr. */
  readonly headerLength: number;
  readonly magic: string;
  /** Number of axes and their lengths. */
  readonly dim: readonly number[];
  readonly datatype: number;
  readonly bitpix: number;
  /** qfac and voxel sizes. */
  readonly pixdim: readonly number[];
  readonly offset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly units: number;
  readonly description: string;
  readonly qformCode: number;
  readonly sformCode: number;
  /** quatern_b, c, d. */
  readonly quaternion: readonly number[];
  readonly qoffset: readonly number[];
  /** srow_x, srow_y, srow_z. */
  readonly sform: readonly (readonly number[])[];
  /** What stands between the header and the voxels, its four flag bytes included. */
  readonly extension: readonly number[];
}

type Put = (view: DataView, at: number, value: number, littleEndian: boolean) => void;

const int16: Put = (view, at, value, little) => view.setInt16(at, value, little);
const int32: Put = (view, at, value, little) => view.setInt32(at, value, little);
const int64: Put = (view, at, value, little) => view.setBigInt64(at, BigInt(value), little);
const float32: Put = (view, at, value, little) => view.setFloat32(at, value, little);
const float64: Put = (view, at, value, little) => view.setFloat64(at, value, little);
const uint8: Put = (view, at, value) => view.setUint8(at, value);

/** Place and type of each field; sources: nifti1.h and nifti2.h. */
const layouts = {
  1: {
    bytes: 348,
    magic: 344,
    description: 148,
    dim: [40, int16, 2],
    datatype: [70, int16],
    bitpix: [72, int16],
    pixdim: [76, float32, 4],
    offset: [108, float32],
    slope: [112, float32],
    intercept: [116, float32],
    units: [123, uint8],
    qformCode: [252, int16],
    sformCode: [254, int16],
    quaternion: [256, float32, 4],
    qoffset: [268, float32, 4],
    sform: [280, float32, 4],
  },
  2: {
    bytes: 540,
    magic: 4,
    description: 240,
    dim: [16, int64, 8],
    datatype: [12, int16],
    bitpix: [14, int16],
    pixdim: [104, float64, 8],
    offset: [168, int64],
    slope: [176, float64],
    intercept: [184, float64],
    units: [500, int32],
    qformCode: [344, int32],
    sformCode: [348, int32],
    quaternion: [352, float64, 8],
    qoffset: [376, float64, 8],
    sform: [400, float64, 8],
  },
} as const;

const codes: Readonly<Record<NiftiDatatype, readonly [code: number, bits: number]>> = {
  uint8: [2, 8],
  int8: [256, 8],
  uint16: [512, 16],
  int16: [4, 16],
  uint32: [768, 32],
  int32: [8, 32],
  uint64: [1280, 64],
  int64: [1024, 64],
  float32: [16, 32],
  float64: [64, 64],
};

/** A small sound file: 2×3×2 voxels of 1×2×3 mm, or as `changes` says; the code and bits of `type` are filled in. */
export function fields(type: NiftiDatatype, changes: Partial<NiftiFields> = {}): NiftiFields {
  const version = changes.version ?? 1;
  const extension = changes.extension ?? [0, 0, 0, 0];
  const [datatype, bitpix] = codes[type];
  return {
    version,
    littleEndian: true,
    headerLength: layouts[version].bytes,
    magic: version === 1 ? "n+1\0" : "n+2\0\r\n\x1a\n",
    dim: [3, 2, 3, 2],
    datatype,
    bitpix,
    pixdim: [1, 1, 2, 3],
    offset: layouts[version].bytes + extension.length,
    slope: 0,
    intercept: 0,
    units: 2,
    description: "",
    qformCode: 0,
    sformCode: 1,
    quaternion: [0, 0, 0],
    qoffset: [0, 0, 0],
    sform: [
      [1, 0, 0, 0],
      [0, 2, 0, 0],
      [0, 0, 3, 0],
    ],
    extension,
    ...changes,
  };
}

/** Bytes of the header and what stands between it and the voxels. */
export function encodeFields(content: NiftiFields): Uint8Array {
  const { version, littleEndian, extension } = content;
  const layout = layouts[version];
  const bytes = new Uint8Array(layout.bytes + extension.length);
  const view = new DataView(bytes.buffer);
  const one = ([at, put]: readonly [number, Put], value: number): void => put(view, at, value, littleEndian);
  const many = ([at, put, size]: readonly [number, Put, number], values: readonly number[]): void => {
    for (const [i, value] of values.entries()) put(view, at + i * size, value, littleEndian);
  };
  int32(view, 0, content.headerLength, littleEndian);
  bytes.set(Buffer.from(content.magic, "latin1"), layout.magic);
  bytes.set(Buffer.from(content.description, "utf8").subarray(0, 80), layout.description);
  // Axes that are not used have length 1.
  many(layout.dim, [...content.dim, 1, 1, 1, 1, 1, 1, 1].slice(0, 8));
  many(layout.pixdim, content.pixdim);
  one(layout.datatype, content.datatype);
  one(layout.bitpix, content.bitpix);
  one(layout.offset, content.offset);
  one(layout.slope, content.slope);
  one(layout.intercept, content.intercept);
  one(layout.units, content.units);
  one(layout.qformCode, content.qformCode);
  one(layout.sformCode, content.sformCode);
  many(layout.quaternion, content.quaternion);
  many(layout.qoffset, content.qoffset);
  many(layout.sform, content.sform.flat());
  bytes.set(extension, layout.bytes);
  return bytes;
}

type PutVoxel = (view: DataView, at: number, value: number | bigint, littleEndian: boolean) => void;

const putVoxel: Readonly<Record<NiftiDatatype, PutVoxel>> = {
  uint8: (view, at, value) => view.setUint8(at, Number(value)),
  int8: (view, at, value) => view.setInt8(at, Number(value)),
  uint16: (view, at, value, little) => view.setUint16(at, Number(value), little),
  int16: (view, at, value, little) => view.setInt16(at, Number(value), little),
  uint32: (view, at, value, little) => view.setUint32(at, Number(value), little),
  int32: (view, at, value, little) => view.setInt32(at, Number(value), little),
  uint64: (view, at, value, little) => view.setBigUint64(at, BigInt(value), little),
  int64: (view, at, value, little) => view.setBigInt64(at, BigInt(value), little),
  float32: (view, at, value, little) => view.setFloat32(at, Number(value), little),
  float64: (view, at, value, little) => view.setFloat64(at, Number(value), little),
};

export function encodeVoxels(
  type: NiftiDatatype,
  values: readonly (number | bigint)[],
  littleEndian = true,
): Uint8Array {
  const size = codes[type][1] / 8;
  const bytes = new Uint8Array(size * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) putVoxel[type](view, i * size, value, littleEndian);
  return bytes;
}

/** A whole file; without `values` its voxels are 0. */
export function encodeNifti(
  type: NiftiDatatype,
  changes: Partial<NiftiFields> = {},
  values?: readonly (number | bigint)[],
): Uint8Array {
  const content = fields(type, changes);
  const count = content.dim.slice(1, 1 + (content.dim[0] ?? 0)).reduce((a, b) => a * b, 1);
  const voxels = encodeVoxels(type, values ?? new Array<number>(count).fill(0), content.littleEndian);
  return Buffer.concat([encodeFields(content), voxels]);
}

/** Runs `work` in a folder of its own. */
export async function inTemporaryFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), "nifti-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}
