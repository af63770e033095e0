/** One number for each axis of a volume. */
export type Vector3 = readonly [x: number, y: number, z: number];

/** A rectangle of pixels of a slice: its first column and row, and how many there are. */
export interface PlaneBox {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

type Row = readonly [number, number, number, number];

/** Upper three rows of the 4×4 matrix from voxel indices (i, j, k, 1) to millimeters in RAS+ (right, anterior, superior). */
export type Affine = readonly [Row, Row, Row];

/** Arrays that hold voxels. */
export type VoxelArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Where the voxels of a volume lie in the patient. */
export interface Grid {
  /** Voxels along each axis. */
  readonly shape: Vector3;
  /** Size of a voxel along each axis, mm; always above 0. */
  readonly spacing: Vector3;
  readonly affine: Affine;
}

/** The channels of an image, such as the phases of a CT or the sequences of an MR scan, on one grid; most images have one. */
export type Channels<Each = Volume> = readonly [first: Each, ...others: Each[]];

/** Each channel as `map` says. */
export const mapChannels = <From, To>(
  [first, ...others]: Channels<From>,
  map: (each: From, channel: number) => To,
): Channels<To> => [map(first, 0), ...others.map((each, i) => map(each, i + 1))];

/** A 3D image or label map in memory. */
export interface Volume<Voxels extends VoxelArray = VoxelArray> extends Grid {
  /** Values after slope and intercept, x fastest: voxel (i, j, k) is at i + shape[0]·(j + shape[1]·k). */
  readonly data: Voxels;
}
