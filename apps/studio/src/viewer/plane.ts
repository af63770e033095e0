import type { Vector3 } from "@lobule/data";

/** A cut through the patient. */
export type PlaneName = "axial" | "coronal" | "sagittal";
export const planeNames: readonly PlaneName[] = ["axial", "coronal", "sagittal"];

/** A voxel: counted to the right, to the front and up. */
export type Voxel = Vector3;

/** Which axes of the volume a plane shows, and which it is moved along. */
interface PlaneAxes {
  readonly across: 0 | 1 | 2;
  readonly down: 0 | 1 | 2;
  readonly along: 0 | 1 | 2;
  /** What is at its edges: left, right, top, bottom. */
  readonly letters: readonly [string, string, string, string];
}

/**
 * As radiologists look at them: the patient's right on the left, the front above or on the left, the head above. The
 * volume's axes run the other way in all of them, so that each picture is the slice turned by 180°.
 */
export const axesOf: Readonly<Record<PlaneName, PlaneAxes>> = {
  axial: { across: 0, down: 1, along: 2, letters: ["R", "L", "A", "P"] },
  coronal: { across: 0, down: 2, along: 1, letters: ["R", "L", "S", "I"] },
  sagittal: { across: 1, down: 2, along: 0, letters: ["A", "P", "S", "I"] },
};

/** The letter of each end of an axis, that at its first voxel first. */
const ends = [
  ["L", "R"],
  ["P", "A"],
  ["I", "S"],
] as const;

/** Columns and rows of a plane. */
export const extentOf = (plane: PlaneName, shape: Vector3): readonly [columns: number, rows: number] => [
  shape[axesOf[plane].across],
  shape[axesOf[plane].down],
];

/** Width of a plane over its height, as it is in the patient. */
export function aspectOf(plane: PlaneName, shape: Vector3, spacing: Vector3): number {
  const { across, down } = axesOf[plane];
  return (shape[across] * spacing[across]) / (shape[down] * spacing[down]);
}

/** The voxel under a pixel of a plane that cuts through `cursor`. Pixels outside the plane have none. */
export function voxelAt(
  plane: PlaneName,
  [column, row]: readonly [number, number],
  shape: Vector3,
  cursor: Voxel,
): Voxel | undefined {
  const { across, down } = axesOf[plane];
  const [columns, rows] = extentOf(plane, shape);
  if (column < 0 || row < 0 || column >= columns || row >= rows) return undefined;
  const voxel: [number, number, number] = [...cursor];
  voxel[across] = columns - 1 - column;
  voxel[down] = rows - 1 - row;
  return voxel;
}

/** The pixel of a plane that shows a voxel. */
export function pixelOf(plane: PlaneName, voxel: Voxel, shape: Vector3): readonly [column: number, row: number] {
  const { across, down } = axesOf[plane];
  return [shape[across] - 1 - voxel[across], shape[down] - 1 - voxel[down]];
}

/** The cursor so many slices further along a plane's axis, kept inside the volume. */
export function moved(plane: PlaneName, cursor: Voxel, slices: number, shape: Vector3): Voxel {
  const { along } = axesOf[plane];
  const voxel: [number, number, number] = [...cursor];
  voxel[along] = Math.min(Math.max(cursor[along] + slices, 0), shape[along] - 1);
  return voxel;
}

/** The cursor so many pixels further to the right and down in a plane, kept inside the volume. */
export function movedWithin(
  plane: PlaneName,
  cursor: Voxel,
  [right, down]: readonly [number, number],
  shape: Vector3,
): Voxel {
  const [columns, rows] = extentOf(plane, shape);
  const [column, row] = pixelOf(plane, cursor, shape);
  const kept = (value: number, count: number): number => Math.min(Math.max(value, 0), count - 1);
  return voxelAt(plane, [kept(column + right, columns), kept(row + down, rows)], shape, cursor) ?? cursor;
}

/** Index of a voxel in an array of the volume, x fastest. */
export const indexOf = ([x, y, z]: Voxel, [width, height]: Vector3): number => x + width * (y + height * z);

/** Where the pixels of a plane are in an array of the volume: that of the first column of the first row, and the steps. */
export function layoutOf(plane: PlaneName, shape: Vector3, cursor: Voxel) {
  const { across, down } = axesOf[plane];
  const strides = [1, shape[0], shape[0] * shape[1]] as const;
  const corner: [number, number, number] = [...cursor];
  corner[across] = shape[across] - 1;
  corner[down] = shape[down] - 1;
  return { first: indexOf(corner, shape), column: -strides[across], row: -strides[down] };
}

/** A slice's position in words: "slice 12 of 40". Counted from the first voxel, as files do. */
export const positionText = (plane: PlaneName, cursor: Voxel, shape: Vector3): string => {
  const { along } = axesOf[plane];
  return `${ends[along][0]}→${ends[along][1]} ${cursor[along] + 1} of ${shape[along]}`;
};
