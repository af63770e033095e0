import { NIFTI1, NIFTI2 } from "nifti-reader-js";
import { DataError } from "../data-error.js";
import { hexOf } from "../hash.js";
import { orientationOf } from "../orientation.js";
import type { Grid, Vector3 } from "../volume.js";
import { datatypeOfCode, describeDatatypeCode, type NiftiDatatype, storage } from "./datatypes.js";
import { gridOfTransforms, type PlacedGrid } from "./grid-of-transforms.js";
import type { NiftiTransforms } from "./transforms.js";
import { millimetersPer, type SpaceUnit, spaceUnitOf, type TimeUnit, timeUnitOf } from "./units.js";

/** What a NIfTI file says of its voxels. Shape, spacing and affine are those of the volume, lengths in mm. */
export interface NiftiHeader extends Grid {
  readonly version: 1 | 2;
  readonly littleEndian: boolean;
  /** How voxels are stored; in memory 64-bit integers are float64 and scaled values float32 or float64. */
  readonly datatype: NiftiDatatype;
  /** Length of every stored axis; the fourth is that of channels, those after it are 1. */
  readonly dimensions: readonly number[];
  /** Volumes that follow each other, the channels of an image; 1 in most files. */
  readonly channels: number;
  /** A voxel's value is slope · stored + intercept; 1 and 0 if the file says nothing (a slope of 0 or NaN). */
  readonly slope: number;
  readonly intercept: number;
  /** Both transforms as the file has them; the affine above is made of one of them. */
  readonly transforms: NiftiTransforms;
  /** Where the affine comes from: the sform if it has a code and is sound, else the qform, else the voxel sizes alone. */
  readonly affineFrom: PlacedGrid["from"];
  /** What is odd in the header and does no harm, a sentence each. */
  readonly notes: readonly string[];
  /** Units in the file. Unknown units of space count as millimeters. */
  readonly units: { readonly space: SpaceUnit; readonly time: TimeUnit };
  readonly description: string;
  /** Direction in which each stored axis grows, such as "RAS" or "LPS". */
  readonly orientation: string;
  /** Bytes of all voxels as they are stored. */
  readonly voxelBytes: number;
  /** Where they begin in the file that holds them. */
  readonly voxelOffset: number;
  /** Voxels are in an .img file beside the header. */
  readonly separateImage: boolean;
}

/** Bytes of a header, by its version. */
export const headerBytes = { 1: 348, 2: 540 } as const;

/** The version by the header's first four bytes, its own length in either byte order. */
export function versionOf(start: Uint8Array): 1 | 2 | undefined {
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const says = (length: number): boolean => view.getInt32(0, true) === length || view.getInt32(0, false) === length;
  if (says(headerBytes[1])) return 1;
  return says(headerBytes[2]) ? 2 : undefined;
}

/**
 * Reads the fields of a header of exactly `headerBytes` bytes. With more bytes nifti-reader-js would go on to the
 * extensions, where a negative length keeps it for ever.
 */
function parse(bytes: Uint8Array<ArrayBuffer>, version: 1 | 2, path: string): NIFTI1 | NIFTI2 {
  const magic = String.fromCharCode(...bytes.subarray(version === 1 ? 344 : 4).subarray(0, 3));
  if (magic !== `n+${version}` && magic !== `ni${version}`)
    throw new DataError(
      version === 1 && magic === "\0\0\0"
        ? `${path} is an Analyze 7.5 file, which has no orientation, or damaged; convert it to NIfTI`
        : `${path} is no NIfTI file: its magic is ${JSON.stringify(magic)}, not "n+${version}" or "ni${version}"; ` +
            "copy or download it again",
    );
  // Programs that leave the check out write zeros.
  const check = version === 1 ? "" : hexOf(bytes.subarray(8, 12));
  if (!["", "0d0a1a0a", "00000000"].includes(check))
    throw new DataError(
      `${path} was changed by a transfer as text: its check of line ends is ${check}, not 0d0a1a0a; copy or download ` +
        "it again as binary data",
    );
  const fields = version === 1 ? new NIFTI1() : new NIFTI2();
  fields.readHeader(bytes.buffer);
  // A C string: the library also gives what lies behind its end.
  const place = version === 1 ? 148 : 240;
  const text = bytes.subarray(place, place + 80);
  const end = text.indexOf(0);
  fields.description = new TextDecoder().decode(end < 0 ? text : text.subarray(0, end));
  fields.magic = magic;
  // The library overwrites the sform if the qform's code is higher.
  const view = new DataView(bytes.buffer);
  const sform = (row: number, column: number): number => {
    const index = 4 * row + column;
    return version === 1
      ? view.getFloat32(280 + 4 * index, fields.littleEndian)
      : view.getFloat64(400 + 8 * index, fields.littleEndian);
  };
  fields.affine = [0, 1, 2].map((row) => [0, 1, 2, 3].map((column) => sform(row, column)));
  return fields;
}

/** A file of several volumes, where one is expected. */
export const notOneVolume = (path: string, dimensions: readonly number[]): string =>
  `${path} is a ${dimensions.length}D image of ${dimensions.join("×")} voxels, not one volume`;
/** What can be done about it. */
export const takeOneVolume = "take one volume out of it (such as one time point)";

const vector3 = ([x = NaN, y = NaN, z = NaN]: readonly number[]): Vector3 => [x, y, z];

function dimensionsOf({ dims }: NIFTI1 | NIFTI2, path: string): number[] {
  const [axes = NaN, ...lengths] = dims;
  if (!Number.isInteger(axes) || axes < 1 || axes > 7)
    throw new DataError(`${path} says that it has ${axes} axes, where 1 to 7 are possible; its header is damaged`);
  const dimensions = lengths.slice(0, axes);
  const shown = dimensions.join("×");
  if (dimensions.some((length) => !(length >= 1 && Number.isSafeInteger(length))))
    throw new DataError(
      `${path} says that its axes have ${shown} voxels, where each must have at least 1; its header is damaged`,
    );
  if (axes < 3)
    throw new DataError(`${path} is a ${axes}D image of ${shown} voxels, not a volume; store it with 3 axes`);
  // A fourth axis can be that of channels, which who reads the file must expect.
  if (dimensions.slice(4).some((length) => length > 1))
    throw new DataError(`${notOneVolume(path, dimensions)}; ${takeOneVolume}`);
  return dimensions;
}

function transformsIn(fields: NIFTI1 | NIFTI2): NiftiTransforms {
  const [qfac = NaN, x = NaN, y = NaN, z = NaN] = fields.pixDims;
  const row = ([a = NaN, b = NaN, c = NaN, d = NaN]: readonly number[] = []) => [a, b, c, d] as const;
  return {
    qformCode: fields.qform_code,
    sformCode: fields.sform_code,
    pixdim: [qfac, x, y, z],
    quaternion: [fields.quatern_b, fields.quatern_c, fields.quatern_d],
    qoffset: [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z],
    sform: [row(fields.affine[0]), row(fields.affine[1]), row(fields.affine[2])],
  };
}

function scalingOf({ scl_slope: slope, scl_inter: intercept }: NIFTI1 | NIFTI2, path: string): [number, number] {
  if (slope === 0 || Number.isNaN(slope)) return [1, 0];
  if (!Number.isFinite(slope) || !Number.isFinite(intercept))
    throw new DataError(
      `${path} scales its voxels by slope ${slope} and intercept ${intercept}, which must be finite; correct its header`,
    );
  return [slope, intercept];
}

/**
 * The header in these bytes (`headerBytes` of its version), checked: what is returned is a volume of real numbers on a
 * sound grid. Throws DataError that names `path`.
 */
export function parseHeader(bytes: Uint8Array<ArrayBuffer>, version: 1 | 2, path: string): NiftiHeader {
  const fields = parse(bytes, version, path);
  const dimensions = dimensionsOf(fields, path);
  const datatype = datatypeOfCode(fields.datatypeCode);
  if (datatype === undefined)
    throw new DataError(
      `${path} holds voxels that are ${describeDatatypeCode(fields.datatypeCode)}, not integers of 8 to 64 bits, ` +
        "float32 or float64; convert it",
    );
  const voxelBytes = dimensions.reduce((a, b) => a * b, storage[datatype].array.BYTES_PER_ELEMENT);
  const separateImage = fields.magic.startsWith("ni");
  const least = separateImage ? 0 : headerBytes[version] + 4;
  const voxelOffset = fields.vox_offset;
  if (!Number.isSafeInteger(voxelOffset) || voxelOffset < least)
    throw new DataError(
      `${path} says that its voxels begin at byte ${voxelOffset}, where at least ${least} is possible; its header is damaged`,
    );
  const transforms = transformsIn(fields);
  const units = { space: spaceUnitOf(fields.xyzt_units), time: timeUnitOf(fields.xyzt_units) };
  const { grid, from, notes } = gridOfTransforms(transforms, vector3(dimensions), millimetersPer[units.space], path);
  const [slope, intercept] = scalingOf(fields, path);
  return {
    ...grid,
    version,
    littleEndian: fields.littleEndian,
    datatype,
    dimensions,
    channels: dimensions[3] ?? 1,
    slope,
    intercept,
    transforms,
    affineFrom: from,
    notes,
    units,
    description: fields.description,
    orientation: orientationOf(grid.affine),
    voxelBytes,
    voxelOffset,
    separateImage,
  };
}
