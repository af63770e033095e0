import { mapBounded } from "../bounded.js";
import { channelsOfFile } from "../cache/read-channels.js";
import { ChannelsError } from "../data-error.js";
import { messageOf } from "../files/system-error.js";
import { describeAngles } from "../geometry/affine.js";
import { gridDifference } from "../geometry/compare-grids.js";
import { readNiftiVolumes } from "../nifti/read-nifti.js";
import type { Storage } from "../storage/storage.js";
import { plural } from "../text/plural.js";
import type { Grid, Vector3, VoxelArray } from "../volume.js";
import type { DecathlonCase, DecathlonTask } from "./read-decathlon.js";

/** What was found out about a case. */
export interface CaseVerification {
  readonly name: string;
  /** The image's, if it could be read. */
  readonly shape: Vector3 | undefined;
  readonly spacing: Vector3 | undefined;
  /** Values that occur in the label map, rising; undefined if it could not be read. */
  readonly labelValues: readonly number[] | undefined;
  /** One sentence each; empty if the case is sound. Paths are relative to the folder. */
  readonly problems: readonly string[];
  /** What to do about a problem that is likely to be one of all cases, so that it need be said only once. */
  readonly advice?: string;
  /** What is odd in its files and does no harm, and where the axes are oblique or sheared by how much. */
  readonly notes: readonly string[];
}

/** How a task is verified. */
export interface VerifyOptions {
  /** Cases in work at the same time, each with one volume in memory; 2 if not given. */
  readonly concurrency?: number;
  readonly onProgress?: (done: number, all: number) => void;
}

/** Stray label values that a problem lists. */
const listedValues = 5;

function checkLabels(data: VoxelArray, names: readonly string[]): { values: number[]; problems: string[] } {
  const counts = new Map<number, number>();
  for (const value of data) counts.set(value, (counts.get(value) ?? 0) + 1);
  const values = [...counts.keys()].sort((a, b) => a - b);
  const stray = values.filter((value) => !Number.isInteger(value) || value < 0 || value >= names.length);
  if (stray.length === 0) return { values, problems: [] };
  const count = stray.reduce((sum, value) => sum + (counts.get(value) ?? 0), 0);
  const list = `${stray.slice(0, listedValues).join(", ")}${stray.length > listedValues ? ", …" : ""}`;
  const problem = `${plural(count, "voxel")} of the label map hold ${list}, but dataset.json names the labels 0 to ${names.length - 1}`;
  return { values, problems: [problem] };
}

async function verifyCase(storage: Storage, files: DecathlonCase, task: DecathlonTask): Promise<CaseVerification> {
  const { name, image, label } = files;
  const within = (text: string): string => text.replaceAll(`${task.directory}/`, "");
  const problems: string[] = [];
  const notes: string[] = [];
  let advice: string | undefined;
  /** The result for volumes, which are given up at once: only those of one file are in memory. */
  const inspect = async <Result>(
    path: string,
    channels: number,
    look: (volume: Grid & { data: VoxelArray }) => Result,
  ) => {
    try {
      const [volume] = await readNiftiVolumes(storage, path, channels);
      notes.push(...volume.notes.map((note) => `${within(path)}: ${note}`));
      return look(volume);
    } catch (error) {
      if (error instanceof ChannelsError) advice = error.advice;
      problems.push(within(error instanceof ChannelsError ? error.finding : messageOf(error)));
      return undefined;
    }
  };
  const gridOf = ({ shape, spacing, affine }: Grid): Grid => ({ shape, spacing, affine });
  const seenImage = await inspect(image, channelsOfFile(files, task), gridOf);
  for (const other of files.otherChannels ?? []) {
    const seen = await inspect(other, 1, gridOf);
    if (seen === undefined || seenImage === undefined) continue;
    const difference = gridDifference(seen, seenImage, [within(other), `the first channel ${within(image)}`]);
    if (difference !== undefined) problems.push(difference);
  }
  const seenLabel = await inspect(label, 1, ({ shape, spacing, affine, data }) => {
    const { values, problems: found } = checkLabels(data, task.labels);
    problems.push(...found);
    return { shape, spacing, affine, values };
  });
  const angles = seenImage === undefined ? "" : describeAngles(seenImage.affine);
  if (angles !== "") notes.push(`the image is ${angles}`);
  if (seenImage !== undefined && seenLabel !== undefined) {
    const difference = gridDifference(seenImage, seenLabel, ["the image", "the label map"]);
    if (difference !== undefined) problems.push(difference);
  }
  return {
    name,
    shape: seenImage?.shape,
    spacing: seenImage?.spacing,
    labelValues: seenLabel?.values,
    problems,
    ...(advice === undefined ? {} : { advice }),
    notes,
  };
}

/**
 * Opens every case of a task. A case is sound if all channels of the image and the label map can be read whole and are on the same grid (see
 * `gridDifference`), the intensities are finite and the labels are whole numbers that dataset.json names.
 *
 * Never stops at a problem; results are in the order of the cases. The images without labels are not opened.
 */
export function verifyDecathlon(
  storage: Storage,
  task: DecathlonTask,
  options: VerifyOptions = {},
): Promise<CaseVerification[]> {
  const { concurrency = 2, onProgress } = options;
  let done = 0;
  return mapBounded(task.cases, concurrency, async (each) => {
    const result = await verifyCase(storage, each, task);
    onProgress?.(++done, task.cases.length);
    return result;
  });
}
