import { DataError } from "../data-error.js";
import { cornerDistance } from "../geometry/compare-grids.js";
import { columnLengths, isRegular } from "../orientation.js";
import type { Affine, Grid, Vector3 } from "../volume.js";
import { brief, hasSize, type NiftiTransforms, qformOf, sformOf, type TransformReading } from "./transforms.js";

/** Where a file's voxels are, and by which of its transforms. */
export interface PlacedGrid {
  readonly grid: Grid;
  readonly from: "sform" | "qform" | "pixdim";
  /** What is odd in the header and does no harm, a sentence each, such as a transform that cannot be used. */
  readonly notes: readonly string[];
}

/** Relative difference of pixdim and affine above which the affine counts. */
const spacingTolerance = 1e-3;
/** Distance of a voxel under both transforms, in voxels, above which they differ by more than rounding. */
const transformTolerance = 0.1;

/**
 * The grid of a file, lengths in mm: by its sform where that has a code and is sound, else by its qform where that has
 * and is; where neither has a code, by the size of its voxels alone.
 * Source: nifti1.h, "3D IMAGE (VOLUME) ORIENTATION AND LOCATION IN SPACE", methods 3, 2 and 1.
 *
 * Throws DataError, naming `path`, where there are codes and neither transform can be used, or no size of a voxel.
 */
export function gridOfTransforms(
  transforms: NiftiTransforms,
  shape: Vector3,
  millimetersPerUnit: number,
  path: string,
): PlacedGrid {
  const { qformCode, sformCode } = transforms;
  const sform = sformCode > 0 ? sformOf(transforms) : undefined;
  const qform = qformCode > 0 ? qformOf(transforms) : undefined;
  const placed = (affine: Affine): Grid => {
    const grid = gridIn(affine, shape, transforms, millimetersPerUnit);
    if (isRegular(grid.affine)) return grid;
    throw new DataError(`${path} has voxels at (${affine.flat().join(", ")}), beyond all measure; correct its header`);
  };
  if (sform !== undefined && "affine" in sform) {
    const grid = placed(sform.affine);
    const other = qform !== undefined && "affine" in qform ? placed(qform.affine) : undefined;
    return {
      grid,
      from: "sform",
      notes: [
        ...notesOnFields(transforms),
        ...notesOnSform(transforms, sform.affine),
        ...notesOnBoth(transforms, qform, grid, other),
      ],
    };
  }
  const unusable = sform === undefined ? [] : [`its sform (code ${sformCode}) ${sform.fault}`];
  if (qform !== undefined && "affine" in qform)
    return {
      grid: placed(qform.affine),
      from: "qform",
      notes: [
        ...unusable.map((fault) => `${fault}; its qform (code ${qformCode}) is used`),
        ...notesOnFields(transforms),
        ...notesOnHandedness(transforms),
      ],
    };
  if (qform !== undefined) unusable.push(`its qform (code ${qformCode}) ${qform.fault}`);
  else if (unusable.length === 0 && !hasSize(transforms)) unusable.push(`its pixdim is ${sizesOf(transforms)}`);
  if (unusable.length > 0)
    throw new DataError(
      `${path} does not say where its voxels are: ${unusable.join(", and ")}; correct its header, or convert it again`,
    );
  return {
    grid: placed(diagonal(transforms)),
    from: "pixdim",
    notes: [
      "it has no orientation (the codes of its qform and sform are 0); its axes are taken to run to the right, to the front and upwards",
      ...notesOnFields(transforms),
    ],
  };
}

const sizesOf = ({ pixdim: [, ...sizes] }: NiftiTransforms): string => sizes.map(brief).join("×");

function diagonal({ pixdim: [, x, y, z] }: NiftiTransforms): Affine {
  return [
    [Math.abs(x), 0, 0, 0],
    [0, Math.abs(y), 0, 0],
    [0, 0, Math.abs(z), 0],
  ];
}

const isSameSize = (stored: number, length: number): boolean => Math.abs(length - stored) <= spacingTolerance * length;

/** The grid of an affine in the file's unit, lengths in mm. */
function gridIn(affine: Affine, shape: Vector3, { pixdim: [, ...sizes] }: NiftiTransforms, factor: number): Grid {
  const row = ([a, b, c, d]: Affine[number]) => [a * factor, b * factor, c * factor, d * factor] as const;
  const scaled: Affine = [row(affine[0]), row(affine[1]), row(affine[2])];
  const lengths = columnLengths(scaled);
  // The pixdim has fewer digits of rounding in it, but the affine places the voxels.
  const size = (axis: 0 | 1 | 2): number => {
    const stored = Math.abs(sizes[axis]) * factor;
    return isSameSize(stored, lengths[axis]) ? stored : lengths[axis];
  };
  return { shape, spacing: [size(0), size(1), size(2)], affine: scaled };
}

/** Transforms that the standard knows. Source: nifti1.h, "xform codes". */
const mostCode = 5;

/** What is odd whichever transform is used. */
function notesOnFields(transforms: NiftiTransforms): string[] {
  const { qformCode, sformCode } = transforms;
  const unknown = [
    { form: "sform", code: sformCode },
    { form: "qform", code: qformCode },
  ].filter(({ code }) => code < 0 || code > mostCode);
  return [
    ...unknown.map(
      ({ form, code }) =>
        `the code of its ${form} is ${code}, where the standard has 0 to ${mostCode}; it counts as ` +
        `${code > 0 ? "given, other programs may pass it over" : "none"}`,
    ),
    ...notesOnSize(transforms),
  ];
}

function notesOnSize(transforms: NiftiTransforms): string[] {
  if (!hasSize(transforms))
    return [`its pixdim is ${sizesOf(transforms)}; the size of its voxels is that of its sform`];
  const [, ...sizes] = transforms.pixdim;
  return sizes.some((size) => size < 0) ? [`its pixdim is ${sizesOf(transforms)}; the signs are not used`] : [];
}

/** Where the sform is used, the size of a voxel is that of its columns; ITK takes the pixdim's all the same. */
function notesOnSform(transforms: NiftiTransforms, affine: Affine): string[] {
  if (!hasSize(transforms)) return [];
  const lengths = columnLengths(affine);
  const [, ...sizes] = transforms.pixdim;
  if (sizes.every((size, axis) => isSameSize(Math.abs(size), lengths[axis] ?? NaN))) return [];
  return [
    `its pixdim is ${sizesOf(transforms)}, but its sform has voxels of ${lengths.map(brief).join("×")}; the sform is ` +
      "used, other programs may use the pixdim",
  ];
}

/** Where the qform is used, its handedness is 1 unless it is −1; the standard allows nothing else. */
function notesOnHandedness({ pixdim: [qfac] }: NiftiTransforms): string[] {
  return Math.abs(qfac) === 1 ? [] : [`its handedness (pixdim[0]) is ${brief(qfac)}, neither 1 nor -1; 1 is used`];
}

/** Where the sform is used: what other programs may make of the qform. */
function notesOnBoth(
  transforms: NiftiTransforms,
  qform: TransformReading | undefined,
  bySform: Grid,
  byQform: Grid | undefined,
): string[] {
  const { qformCode, sformCode } = transforms;
  if (byQform !== undefined) {
    const apart = cornerDistance(bySform, byQform);
    if (apart <= transformTolerance * Math.min(...bySform.spacing)) return [];
    return [
      `its sform (code ${sformCode}) and its qform (code ${qformCode}) place the same voxel up to ` +
        `${apart.toPrecision(3)} mm apart; the sform is used, other programs may use the qform`,
    ];
  }
  // That there is no size is a note of its own.
  return qform !== undefined && "fault" in qform && hasSize(transforms)
    ? [`its qform (code ${qformCode}) ${qform.fault}; its sform (code ${sformCode}) is used`]
    : [];
}
