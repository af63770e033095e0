import { mapBounded } from "../bounded.js";
import { channelsOfFile } from "../cache/read-channels.js";
import { DataError } from "../data-error.js";
import { readNiftiHeader } from "../nifti/read-nifti.js";
import type { Storage } from "../storage/storage.js";
import { plural } from "../text/plural.js";
import type { DecathlonCase, DecathlonTask } from "./read-decathlon.js";

/** Which cases of a task to use. */
export interface SelectOptions {
  /** Keep cases with fewer axial slices than this; all if not given. */
  readonly maxSlices?: number;
  /** Keep at most this many, the first by name; all if not given. */
  readonly limitCases?: number;
}

/** Which cases of a task are used, and how many are not. */
export interface CaseSelection {
  /** The cases to use, by name. */
  readonly cases: readonly DecathlonCase[];
  /** How many had too many slices. */
  readonly tooLong: number;
  /** How many were left out because of `limitCases`. */
  readonly overLimit: number;
}

const headersAtOnce = 16;

/** Axial slices of an image: its length along the axis that runs up or down the patient. Reads the header only. */
async function axialSlices(storage: Storage, path: string, channels: number): Promise<number> {
  const { orientation, shape } = await readNiftiHeader(storage, path, channels);
  const axis = [...orientation].findIndex((direction) => direction === "S" || direction === "I");
  return shape[axis] ?? shape[2];
}

/**
 * Chooses the cases of a task to train and validate on. Of the images only the headers are read.
 *
 * Throws DataError for a limit below 1, an image that cannot be read, or if no case is left.
 */
export async function selectCases(
  storage: Storage,
  task: DecathlonTask,
  options: SelectOptions = {},
): Promise<CaseSelection> {
  const { maxSlices = Infinity, limitCases = Infinity } = options;
  if (!(maxSlices >= 1)) throw new DataError(`the limit of slices must be at least 1, not ${maxSlices}`);
  if (!(limitCases >= 1)) throw new DataError(`the limit of cases must be at least 1, not ${limitCases}`);
  const byName = [...task.cases].sort((a, b) => (a.name < b.name ? -1 : 1));
  const slices =
    maxSlices === Infinity
      ? byName.map(() => 0)
      : await mapBounded(byName, headersAtOnce, (each) => axialSlices(storage, each.image, channelsOfFile(each, task)));
  const short = byName.filter((_, i) => (slices[i] ?? 0) < maxSlices);
  if (short.length === 0)
    throw new DataError(
      `none of the ${plural(byName.length, "case")} in ${task.directory} has fewer than ${plural(maxSlices, "slice")}; raise the limit`,
    );
  const cases = short.slice(0, limitCases);
  return { cases, tooLong: byName.length - short.length, overLimit: short.length - cases.length };
}
