import { NIFTI1, NIFTI2 } from "nifti-reader-js";
import { axisDirections, directionVolume } from "../orientation.js";
import type { Affine, Grid, Vector3 } from "../volume.js";
import { storage, type WritableDatatype } from "./datatypes.js";
import { headerBytes, type NiftiHeader } from "./header.js";
import { codeOfUnits, millimetresPer } from "./units.js";

/** What a written file says besides grid and datatype. */
export type NiftiLabels = Pick<NiftiHeader, "version" | "qformCode" | "sformCode" | "units" | "description">;

/** Codes "scanner": the affine is in the patient's millimetres. */
export const defaultLabels: NiftiLabels = {
  version: 1,
  qformCode: 1,
  sformCode: 1,
  units: { space: "mm", time: "unknown" },
  description: "",
};

/** Lengths in NIfTI-1 are 16-bit. */
const longestAxis1 = 32767;
/** Direction cosines in files have six digits or so. */
const largestCosine = 1e-4;

/**
 * Imaginary part (b, c, d) of the quaternion of the rotation to these axes; its real part is not negative.
 * Source: nifti1_io.c, nifti_mat44_to_quatern.
 */
function quaternionOf(x: Vector3, y: Vector3, z: Vector3): Vector3 {
  const [yz, zx, xy] = [y[2] - z[1], z[0] - x[2], x[1] - y[0]];
  const trace = x[0] + y[1] + z[2] + 1;
  if (trace > 0.5) {
    const fourA = 2 * Math.sqrt(trace);
    return [yz / fourA, zx / fourA, xy / fourA];
  }
  // Near half a turn the real part is small; the largest part gives the others without loss.
  const [b, c, d] = [1 + x[0] - y[1] - z[2], 1 + y[1] - x[0] - z[2], 1 + z[2] - x[0] - y[1]];
  const [xPlusY, xPlusZ, yPlusZ] = [y[0] + x[1], z[0] + x[2], z[1] + y[2]];
  if (b > 1) {
    const root = 2 * (yz < 0 ? -Math.sqrt(b) : Math.sqrt(b));
    return [root / 4, xPlusY / root, xPlusZ / root];
  }
  if (c > 1) {
    const root = 2 * (zx < 0 ? -Math.sqrt(c) : Math.sqrt(c));
    return [xPlusY / root, root / 4, yPlusZ / root];
  }
  const root = 2 * (xy < 0 ? -Math.sqrt(d) : Math.sqrt(d));
  return [xPlusZ / root, yPlusZ / root, root / 4];
}

/** Rotation to the voxel axes, the last one reversed (`qfac` −1) where they are left-handed. */
function rotationOf(affine: Affine): { qfac: 1 | -1; quaternion: Vector3 } {
  const [x, y, z] = axisDirections(affine);
  const qfac = directionVolume(affine) < 0 ? -1 : 1;
  return { qfac, quaternion: quaternionOf(x, y, [qfac * z[0], qfac * z[1], qfac * z[2]]) };
}

/** Whether voxel axes are off right angles by more than rounding, which no rotation can say. */
function isSheared(affine: Affine): boolean {
  const [x, y, z] = axisDirections(affine);
  const cosine = (a: Vector3, b: Vector3): number => Math.abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]);
  return Math.max(cosine(x, y), cosine(x, z), cosine(y, z)) > largestCosine;
}

/** Whether the affine is what a file without any code says: the spacing alone. */
const isPixdimAlone = ({ affine, spacing }: Grid): boolean =>
  affine.every((row, r) => row.every((value, c) => value === (r === c ? spacing[r] : 0)));

/**
 * Bytes from the start of a .nii file to its first voxel, little-endian, without slope or extensions. A code that
 * cannot say this affine is changed: the qform's to 0 for a sheared affine, the sform's from 0 where nothing else
 * gives the affine. A version that cannot hold an axis becomes 2.
 */
export function encodeHeader(
  { shape, spacing, affine }: Grid,
  datatype: WritableDatatype,
  labels: NiftiLabels,
): Uint8Array {
  const version = labels.version === 2 || shape.some((length) => length > longestAxis1) ? 2 : 1;
  const { code, array } = storage[datatype];
  const perUnit = millimetresPer[labels.units.space];
  const { qfac, quaternion } = rotationOf(affine);
  const qformCode = isSheared(affine) ? 0 : labels.qformCode;
  const enough = qformCode > 0 || isPixdimAlone({ shape, spacing, affine });

  const fields = version === 1 ? new NIFTI1() : new NIFTI2();
  fields.littleEndian = true;
  fields.magic = version === 1 ? "n+1\0" : "n+2\0\r\n\x1a\n";
  fields.dims = [3, ...shape, 1, 1, 1, 1];
  fields.datatypeCode = code;
  fields.numBitsPerVoxel = 8 * array.BYTES_PER_ELEMENT;
  fields.pixDims = [qfac, ...spacing.map((size) => size / perUnit), 1, 1, 1, 1];
  fields.vox_offset = headerBytes[version] + 4;
  fields.scl_slope = 1;
  fields.scl_inter = 0;
  fields.xyzt_units = codeOfUnits(labels.units);
  fields.qform_code = qformCode;
  fields.sform_code = enough ? labels.sformCode : Math.max(1, labels.sformCode, labels.qformCode);
  [fields.quatern_b, fields.quatern_c, fields.quatern_d] = quaternion;
  [fields.qoffset_x, fields.qoffset_y, fields.qoffset_z] = [
    affine[0][3] / perUnit,
    affine[1][3] / perUnit,
    affine[2][3] / perUnit,
  ];
  fields.affine = [...affine.map((row) => row.map((value) => value / perUnit)), [0, 0, 0, 1]];
  const bytes = new Uint8Array(fields.toArrayBuffer());
  // A description that is too long is cut, between letters.
  const place = version === 1 ? 148 : 240;
  new TextEncoder().encodeInto(labels.description, bytes.subarray(place, place + 80));
  return bytes;
}
