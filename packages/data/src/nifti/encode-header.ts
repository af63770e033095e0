import { NIFTI1, NIFTI2 } from "nifti-reader-js";
import type { Grid } from "../volume.js";
import { storage, type WritableDatatype } from "./datatypes.js";
import { headerBytes, type NiftiHeader } from "./header.js";
import { type NiftiTransforms, transformsOf } from "./transforms.js";
import { codeOfUnits, millimetersPer } from "./units.js";

/** What is kept of the header of another file, such as the scan that labels were found in. */
export type NiftiSource = Grid & Pick<NiftiHeader, "version" | "transforms" | "units" | "description">;

/** Lengths in NIfTI-1 are 16-bit. */
const longestAxis1 = 32767;

const isSameGrid = (a: Grid, b: Grid): boolean =>
  [a.shape, a.spacing, a.affine].flat(2).join() === [b.shape, b.spacing, b.affine].flat(2).join();

/** Both transforms of the source, to the last bit, on its own grid; on another one such as say that, by its codes. */
function transformsFor(grid: Grid, source: NiftiSource | undefined): NiftiTransforms {
  // Scanner's millimeters, where nothing is known.
  if (source === undefined) return transformsOf(grid, { qformCode: 1, sformCode: 1 }, millimetersPer.mm);
  if (isSameGrid(grid, source)) return source.transforms;
  return transformsOf(grid, source.transforms, millimetersPer[source.units.space]);
}

/**
 * Bytes from the start of a .nii file to its first voxel, little-endian, without slope or extensions. Version, both
 * transforms, units and description are those of `source`, if there is one. A version that cannot hold an axis becomes
 * 2; on another grid than the source's, a code that cannot say it is changed (see `transformsOf`).
 */
export function encodeHeader(grid: Grid, datatype: WritableDatatype, source: NiftiSource | undefined): Uint8Array {
  const { shape } = grid;
  const version = source?.version === 2 || shape.some((length) => length > longestAxis1) ? 2 : 1;
  const { code, array } = storage[datatype];
  const { qformCode, sformCode, pixdim, quaternion, qoffset, sform } = transformsFor(grid, source);

  const fields = version === 1 ? new NIFTI1() : new NIFTI2();
  fields.littleEndian = true;
  fields.magic = version === 1 ? "n+1\0" : "n+2\0\r\n\x1a\n";
  fields.dims = [3, ...shape, 1, 1, 1, 1];
  fields.datatypeCode = code;
  fields.numBitsPerVoxel = 8 * array.BYTES_PER_ELEMENT;
  fields.pixDims = [...pixdim, 1, 1, 1, 1];
  fields.vox_offset = headerBytes[version] + 4;
  fields.scl_slope = 1;
  fields.scl_inter = 0;
  fields.xyzt_units = codeOfUnits(source?.units ?? { space: "mm", time: "unknown" });
  fields.qform_code = qformCode;
  fields.sform_code = sformCode;
  [fields.quatern_b, fields.quatern_c, fields.quatern_d] = quaternion;
  [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z] = qoffset;
  fields.affine = [...sform.map((row) => [...row]), [0, 0, 0, 1]];
  const bytes = new Uint8Array(fields.toArrayBuffer());
  // A description that is too long is cut, between letters.
  const place = version === 1 ? 148 : 240;
  new TextEncoder().encodeInto(source?.description ?? "", bytes.subarray(place, place + 80));
  return bytes;
}
