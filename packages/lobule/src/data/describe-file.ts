import {
  type Affine,
  axisAngles,
  DataError,
  readNiftiVolumes,
  type Vector3,
  type VoxelArray,
  voxelVolume,
} from "@lobule/data";
import { nodeStorage } from "@lobule/node";

/** What `lobule data info` says of a volume. */
export interface VolumeDescription {
  readonly file: string;
  readonly shape: Vector3;
  /** mm. */
  readonly spacing: Vector3;
  /** Direction of each axis, such as "RAS". */
  readonly orientation: string;
  /** What is odd in the file and does no harm, a sentence each. */
  readonly notes: readonly string[];
  readonly affine: Affine;
  /** Size of a voxel, mm³. */
  readonly voxelMm3: number;
  /** Largest angle of a voxel axis to the patient's, and deviation of two voxel axes from a right angle. */
  readonly obliqueDegrees: number;
  readonly shearDegrees: number;
  readonly datatype: string;
  /** A voxel's value is slope · stored + intercept. */
  readonly slope: number;
  readonly intercept: number;
  /** Of a file of one channel. */
  readonly intensity?: IntensityDescription;
  /** Of a file of several, each. */
  readonly channels?: readonly IntensityDescription[];
  /** Voxels of each value, if those are few whole numbers, as in a label map. */
  readonly labels?: readonly { readonly value: number; readonly voxels: number; readonly millilitres: number }[];
}

/** Which values voxels have. */
export interface IntensityDescription {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** From the 0.5th to the 99.5th percentile, of a million voxels where there are more. */
  readonly middle99: readonly [low: number, high: number];
}

/** A file that cannot be read, and why. */
export interface UnreadableFile {
  readonly file: string;
  readonly error: string;
}

/** A volume with more different values than this is no label map. */
const mostLabels = 32;
/** Voxels that percentiles are taken from. */
const mostSorted = 2 ** 20;

function intensityOf(data: VoxelArray): IntensityDescription {
  let [minimum, maximum, sum] = [Infinity, -Infinity, 0];
  for (const value of data) {
    sum += value;
    if (value < minimum) minimum = value;
    if (value > maximum) maximum = value;
  }
  return { minimum, maximum, mean: sum / data.length, middle99: middleOf(data) };
}

function middleOf(data: VoxelArray): readonly [number, number] {
  const step = Math.max(1, data.length / mostSorted);
  const count = Math.ceil(data.length / step);
  const sorted = Float64Array.from({ length: count }, (_, i) => data[Math.floor(i * step)] ?? 0).sort();
  const tail = Math.floor(0.005 * (count - 1));
  return [sorted[tail] ?? 0, sorted[count - 1 - tail] ?? 0];
}

function labelsOf(data: VoxelArray, affine: Affine): Pick<VolumeDescription, "labels"> {
  const counts = new Map<number, number>();
  for (const value of data) {
    if (!Number.isInteger(value)) return {};
    counts.set(value, (counts.get(value) ?? 0) + 1);
    if (counts.size > mostLabels) return {};
  }
  const millilitres = voxelVolume(affine) / 1000;
  const byValue = [...counts].sort(([a], [b]) => a - b);
  return {
    labels: byValue.map(([value, voxels]) => ({ value, voxels, millilitres: voxels * millilitres })),
  };
}

/** Reads a file whole and describes it, or says what is wrong with it. */
export async function describeFile(file: string): Promise<VolumeDescription | UnreadableFile> {
  try {
    const [first, ...others] = await readNiftiVolumes(nodeStorage, file, undefined);
    const { shape, spacing, affine, data, header, notes } = first;
    const { oblique, shear } = axisAngles(affine);
    return {
      file,
      shape,
      spacing,
      orientation: header.orientation,
      notes,
      affine,
      voxelMm3: voxelVolume(affine),
      obliqueDegrees: oblique,
      shearDegrees: shear,
      datatype: header.datatype,
      slope: header.slope,
      intercept: header.intercept,
      ...(others.length === 0
        ? { intensity: intensityOf(data), ...labelsOf(data, affine) }
        : { channels: [first, ...others].map((each) => intensityOf(each.data)) }),
    };
  } catch (error) {
    if (error instanceof DataError) return { file, error: error.message };
    throw error;
  }
}
