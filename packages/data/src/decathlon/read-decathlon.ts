import type { ImageFiles } from "../cache/read-channels.js";
import { DataError } from "../data-error.js";
import { baseName, joinPath, resolvePath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { decathlonDataset, labelNames, readDatasetDocument } from "./dataset-json.js";
import { isNnunet, nnunetDataset } from "./nnunet-dataset.js";

/** A labeled volume of a task; all paths are absolute. */
export interface DecathlonCase extends ImageFiles {
  /** File name of the image without `.nii` or `.nii.gz`, and in a folder of nnU-Net without the channel. */
  readonly name: string;
  readonly label: string;
}

/** A folder in the form of the Medical Segmentation Decathlon, or of nnU-Net v2. */
export interface DecathlonTask {
  readonly name: string;
  /** Absolute path of the folder. */
  readonly directory: string;
  /** Name of each label; the index is its value in the label maps, 0 the background. */
  readonly labels: readonly string[];
  /** Name of each image channel, such as "CT"; none where dataset.json names no channel, and images have one. */
  readonly modality: readonly string[];
  /** Channels of each image. */
  readonly channels: number;
  /** Labeled cases, in the order of dataset.json. */
  readonly cases: readonly DecathlonCase[];
  /** Absolute paths of the images without labels; of images in several files, of the first channel. */
  readonly testImages: readonly string[];
  /** What is odd about dataset.json but does no harm, as sentences. */
  readonly notes: readonly string[];
}

const caseName = (path: string): string => baseName(path).replace(/\.nii(\.gz)?$/i, "");

/** Files that macOS leaves beside the real ones; they hold no image. */
const isResourceFork = (path: string): boolean => baseName(path).startsWith("._");

function countNote(what: string, promised: number | undefined, found: number): string[] {
  return promised === undefined || promised === found ? [] : [`${what} is ${promised}, but ${found} are listed`];
}

/**
 * Reads the `dataset.json` of a Decathlon folder, or of an nnU-Net v2 data set. No volume is opened:
 * `verifyDecathlon` does that.
 *
 * Throws DataError for a missing folder, a missing, empty or malformed dataset.json, one without training cases or
 * with gaps in its labels, a path that leaves the folder, or a case that comes twice.
 */
export async function readDecathlon(storage: Storage, path: string): Promise<DecathlonTask> {
  const directory = storage.absolute(path);
  const file = joinPath(directory, "dataset.json");
  const document = await readDatasetDocument(storage, directory);
  const json = isNnunet(document)
    ? await nnunetDataset(storage, directory, document)
    : decathlonDataset(directory, document);
  const inside = (entry: string): string => {
    const absolute = resolvePath(directory, entry);
    if (!absolute.startsWith(directory.endsWith("/") ? directory : `${directory}/`))
      throw new DataError(`${file}: the path "${entry}" leaves the folder; paths are relative to it`);
    return absolute;
  };

  const used = json.training.filter(({ image, label }) => !isResourceFork(image) && !isResourceFork(label));
  if (used.length === 0) throw new DataError(`${file} lists no training cases`);
  const cases = used.map(({ image, label, name, otherChannels }) => ({
    name: name ?? caseName(image),
    image: inside(image),
    ...(otherChannels === undefined ? {} : { otherChannels: otherChannels.map(inside) }),
    label: inside(label),
  }));
  const modality = Object.values(json.modality ?? {});
  const seen = new Set<string>();
  for (const { name } of cases) {
    if (seen.has(name)) throw new DataError(`${file} lists the training case "${name}" twice`);
    seen.add(name);
  }
  const test = (json.test ?? []).filter((image) => !isResourceFork(image));
  const skipped = json.training.length - used.length + (json.test ?? []).length - test.length;
  return {
    name: json.name ?? baseName(directory),
    directory,
    labels: labelNames(json.labels, file),
    modality,
    channels: Math.max(1, modality.length),
    cases,
    testImages: test.map(inside),
    notes: [
      ...countNote("numTraining", json.numTraining, cases.length),
      ...countNote("numTest", json.numTest, test.length),
      ...(skipped === 0 ? [] : [`${skipped} entries name ._ files of macOS and are left out`]),
    ],
  };
}
