import { axisDirections, directionVolume, isRegular } from "../orientation.js";
import type { Affine, Grid, Vector3 } from "../volume.js";

/**
 * Both transforms of a NIfTI file, as its header has them: in the unit of the file, sound or not. They are two things:
 * programs differ in which one they use, and labels are found where the scan is found only if both are the scan's.
 */
export interface NiftiTransforms {
  /** NIfTI's codes of what they refer to (1 scanner, 2 aligned, 3 Talairach, 4 MNI 152); 0 for none. */
  readonly qformCode: number;
  readonly sformCode: number;
  /** pixdim[0], the handedness of the qform (1 or −1), and the size of a voxel along each axis. */
  readonly pixdim: readonly [qfac: number, x: number, y: number, z: number];
  /** quatern_b, c and d. */
  readonly quaternion: Vector3;
  readonly qoffset: Vector3;
  /** srow_x, y and z. */
  readonly sform: Affine;
}

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
 * Transforms that both say this grid. A code that cannot is changed: the qform's to 0 for a sheared affine, the sform's
 * from 0 where nothing else gives the affine.
 */
export function transformsOf(
  grid: Grid,
  codes: Pick<NiftiTransforms, "qformCode" | "sformCode">,
  millimetersPerUnit: number,
): NiftiTransforms {
  const { spacing, affine } = grid;
  const { qfac, quaternion } = rotationOf(affine);
  const qformCode = isSheared(affine) ? 0 : codes.qformCode;
  const enough = qformCode > 0 || isPixdimAlone(grid);
  const inUnit = (mm: number): number => mm / millimetersPerUnit;
  const row = ([a, b, c, d]: Affine[number]) => [inUnit(a), inUnit(b), inUnit(c), inUnit(d)] as const;
  return {
    qformCode,
    sformCode: enough ? codes.sformCode : Math.max(1, codes.sformCode, codes.qformCode),
    pixdim: [qfac, inUnit(spacing[0]), inUnit(spacing[1]), inUnit(spacing[2])],
    quaternion,
    qoffset: [inUnit(affine[0][3]), inUnit(affine[1][3]), inUnit(affine[2][3])],
    sform: [row(affine[0]), row(affine[1]), row(affine[2])],
  };
}

/** Square of a quaternion's imaginary part may exceed 1 by this much through rounding. */
const quaternionTolerance = 1e-3;

/** A transform of a file, in the file's unit, or why it is none, in words that go with "its qform". */
export type TransformReading = { readonly affine: Affine } | { readonly fault: string };

/** A number of a header without the digits that 32 bits add. */
export const brief = (value: number): string => String(Number(value.toPrecision(6)));

const list = (values: readonly number[]): string => values.map(brief).join(", ");

/** The sform, if it gives every voxel a place of its own. */
export function sformOf({ sform }: NiftiTransforms): TransformReading {
  const values = sform.flat();
  if (values.every((value) => value === 0)) return { fault: "is all zeros" };
  if (!values.every(Number.isFinite)) return { fault: `holds numbers that are not finite (${list(values)})` };
  if (!isRegular(sform)) return { fault: `does not give every voxel a place of its own (${list(values)})` };
  return { affine: sform };
}

/** Whether the size of a voxel is known; where it is negative its amount counts, as in nibabel. */
export const hasSize = ({ pixdim: [, ...sizes] }: NiftiTransforms): boolean =>
  sizes.every((size) => size !== 0 && Number.isFinite(size));

/**
 * The qform, if its fields make a rotation.
 * Source: nifti1_io.c, nifti_quatern_to_mat44; qfac as nifti1_io.c and nibabel agree: 1 for whatever is not negative.
 */
export function qformOf(transforms: NiftiTransforms): TransformReading {
  const { pixdim, quaternion, qoffset } = transforms;
  const [qfac, ...sizes] = pixdim;
  if (!hasSize(transforms)) return { fault: `has voxels of ${sizes.map(brief).join("×")}` };
  if (qfac < 0 && qfac !== -1)
    return { fault: `has a handedness (pixdim[0]) of ${brief(qfac)}, which is neither 1 nor -1` };
  const square = quaternion.reduce((sum, part) => sum + part * part, 0);
  if (!(square <= 1 + quaternionTolerance))
    return { fault: `has the quaternion (${list(quaternion)}), which is no rotation` };
  if (!qoffset.every(Number.isFinite)) return { fault: `has the offset (${list(qoffset)})` };
  // Half a turn has no real part; its imaginary part is of length 1 but for rounding.
  const halfTurn = 1 - square < 1e-7;
  const [b, c, d] = halfTurn ? unit(quaternion) : quaternion;
  const a = halfTurn ? 0 : Math.sqrt(1 - square);
  const [x, y, z] = [Math.abs(sizes[0]), Math.abs(sizes[1]), Math.abs(sizes[2]) * (qfac < 0 ? -1 : 1)];
  return {
    affine: [
      [(a * a + b * b - c * c - d * d) * x, 2 * (b * c - a * d) * y, 2 * (b * d + a * c) * z, qoffset[0]],
      [2 * (b * c + a * d) * x, (a * a + c * c - b * b - d * d) * y, 2 * (c * d - a * b) * z, qoffset[1]],
      [2 * (b * d - a * c) * x, 2 * (c * d + a * b) * y, (a * a + d * d - c * c - b * b) * z, qoffset[2]],
    ],
  };
}

function unit([x, y, z]: Vector3): Vector3 {
  const scale = 1 / Math.sqrt(x * x + y * y + z * z);
  return [x * scale, y * scale, z * scale];
}
