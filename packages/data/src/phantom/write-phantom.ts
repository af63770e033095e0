import { DataError } from "../data-error.js";
import { requireApart } from "../decathlon/require-apart.js";
import { FileWriteError, writeFileAtomically } from "../files/atomic-file.js";
import { entryAt } from "../files/entries.js";
import { readJson } from "../files/read-file.js";
import { isWithin } from "../files/same-file.js";
import { reason } from "../files/system-error.js";
import { writeNifti } from "../nifti/write-nifti.js";
import { joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { plural } from "../text/plural.js";
import { type PhantomTask, phantomCase, phantomLabels } from "./phantom-case.js";

/** What a synthetic task holds. */
export interface PhantomOptions {
  readonly seed: number;
  /** Labeled cases; 12 if not given. */
  readonly cases?: number;
  /** Images without labels; a sixth of the cases, but at least one, if not given. */
  readonly testCases?: number;
  /** Voxels along x and along y; 128 if not given. */
  readonly size?: number;
  /** Fewest and most slices of a case; 32 to 48 if not given. */
  readonly slices?: readonly [fewest: number, most: number];
  /** Labels of Task03 (liver, cancer) or of Task08 (vessel, tumor); "liver" if not given. */
  readonly task?: PhantomTask;
  /** Least and greatest diameter of tumors, mm; about 32 to 58 if not given. */
  readonly tumorDiameters?: readonly [least: number, most: number] | undefined;
  /** Of each scan, 1 if not given; two are written as a data set of nnU-Net v2, and neither alone shows the tumors. */
  readonly channels?: 1 | 2;
  /**
   * Write into a folder that holds other files, of which those of the same name are replaced; never into that of another
   * data set.
   */
  readonly force?: boolean;
  readonly onProgress?: (written: number, all: number) => void;
  /** What there is for the volumes, bytes; not looked at where it is not given. */
  readonly room?: Room;
}

/** Bytes that are free. */
interface Room {
  readonly memory?: number;
  readonly disk?: number;
}

/** What was written of a synthetic task. */
export interface WrittenPhantom {
  /** Absolute path of the folder. */
  readonly directory: string;
  readonly cases: number;
  readonly testCases: number;
  /** Slices of all labeled cases together. */
  readonly slices: number;
}

/** Written first, so that a folder left half-way is still known for a phantom. */
const mark = "phantom.json";
const description = "dataset.json";
const taskNames = { liver: "PhantomLiver", vessel: "PhantomHepaticVessel" } as const;
const names: ReadonlySet<unknown> = new Set(Object.values(taskNames));
const folders = ["imagesTr", "labelsTr", "imagesTs"] as const;

const caseName = (caseNumber: number): string => `phantom_${String(caseNumber + 1).padStart(3, "0")}`;

function checkOptions({ cases, testCases, size, slices: [fewest, most], seed }: Required<Sizes>): void {
  const whole = (what: string, value: number, least: number, greatest: number): void => {
    if (!Number.isInteger(value) || value < least || value > greatest)
      throw new DataError(`${what} must be a whole number from ${least} to ${greatest}, not ${value}`);
  };
  whole("the number of cases", cases, 1, 999);
  whole("the number of test cases", testCases, 0, 999);
  whole("the size of a slice", size, 8, 1024);
  whole("the fewest slices", fewest, 1, 1024);
  whole("the most slices", most, fewest, 1024);
  whole("the seed", seed, 0, Number.MAX_SAFE_INTEGER);
}

/**
 * Bytes of a voxel, image and labels together. Measured: 16 of memory with 512×512×48 voxels, where the volume drawn before is
 * still held, and on the disk 0.99 with those and 1.16 with 128×128×32; some more is asked for.
 */
const bytesPerVoxel = { memory: 17, disk: 1.25 } as const;

/** @throws DataError when one volume needs more memory than there is, or all of them more of the disk. */
function requireRoom(
  { cases, testCases, size, slices: [, most] }: Required<Sizes>,
  { memory = Number.POSITIVE_INFINITY, disk = Number.POSITIVE_INFINITY }: Room,
): void {
  const voxels = size * size * most;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20).toLocaleString("en-US")} MiB`;
  const volume = `${size}×${size}×${most} voxels`;
  const drawn = voxels * bytesPerVoxel.memory;
  if (drawn > memory)
    throw new DataError(
      `a volume of ${volume} takes about ${mebibytes(drawn)} of memory, and ${mebibytes(memory)} are free; lower --size or --slices`,
    );
  const all = cases + testCases;
  const written = all * voxels * bytesPerVoxel.disk;
  if (written > disk)
    throw new DataError(
      `${plural(all, "volume")} of up to ${volume} ${all === 1 ? "takes" : "take"} about ${mebibytes(written)} on the disk, and ${mebibytes(disk)} are free; lower --cases, --size or --slices`,
    );
}

type Counts = Pick<WrittenPhantom, "cases" | "testCases"> & { readonly channels: number };

type Sizes = Pick<PhantomOptions, "cases" | "testCases" | "size" | "slices" | "seed">;

/** What `work` gives; a failed system call becomes a DataError that names the path. */
async function orExplain<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(`${path} cannot be written: ${reason(error)}`);
  }
}

/** Makes the folder ready: new, empty, an unfinished phantom, or, by force, one with other files. */
async function clear(storage: Storage, directory: string, force: boolean): Promise<void> {
  const found = await entryAt(storage, directory);
  if (found !== undefined && found.kind !== "folder") throw new DataError(`${directory} is a file, not a folder`);
  const content = found === undefined ? [] : await storage.list(directory);
  const isPhantom = content.includes(mark) && (await holdsMark(storage, joinPath(directory, mark)));
  const unfinished = isPhantom && !content.includes(description);
  if (content.length > 0 && !unfinished && !force)
    throw new DataError(
      isPhantom
        ? `${directory} holds a phantom already; choose a new folder, or --force to replace it`
        : `${directory} holds other files and no phantom; choose a new folder, or --force to write into this one`,
    );
  await requireHarmless(storage, directory, content);
  // Without its dataset.json a folder is no task until the last volume is written.
  await storage.remove(joinPath(directory, description));
  await storage.makeFolder(directory);
  for (const folder of folders.map((name) => joinPath(directory, name))) {
    await storage.makeFolder(folder);
    if (!isPhantom) continue;
    for (const file of await storage.list(folder))
      if (/^phantom_\d+(_\d{4})?\.nii\.gz$/.test(file)) await storage.remove(joinPath(folder, file));
  }
}

/** No force lets a phantom replace another data set's description, or write into the folders of its volumes. */
async function requireHarmless(storage: Storage, directory: string, content: readonly string[]): Promise<void> {
  if (content.includes(description) && !(await isPhantomTask(storage, joinPath(directory, description))))
    throw new DataError(
      `${joinPath(directory, description)} describes another data set, which a phantom never replaces; choose a new folder`,
    );
  if (!content.includes(description)) await requireApart(storage, directory, "the folder");
  for (const folder of folders.map((name) => joinPath(directory, name)))
    if (!(await isWithin(storage, folder, directory)))
      throw new DataError(`${folder} is a link that leads out of ${directory}; choose a new folder`);
}

async function isPhantomTask(storage: Storage, file: string): Promise<boolean> {
  try {
    const content = await readJson(storage, file, "description");
    return typeof content === "object" && content !== null && "name" in content && names.has(content.name);
  } catch {
    return false;
  }
}

async function holdsMark(storage: Storage, file: string): Promise<boolean> {
  try {
    const content = await readJson(storage, file, "description");
    return typeof content === "object" && content !== null && "format" in content && content.format === format;
  } catch {
    return false;
  }
}

const format = "lobule phantom";

const writeJson = (storage: Storage, file: string, content: object): Promise<void> =>
  writeFileAtomically(storage, file, `${JSON.stringify(content, null, 2)}\n`).catch((error: unknown) => {
    throw new DataError(`${file} cannot be written: ${reason(error instanceof FileWriteError ? error.cause : error)}`);
  });

/**
 * Writes a synthetic Decathlon task, or with two channels a data set of nnU-Net: patients with a liver, its vessels and
 * tumors, in Hounsfield units, as NIfTI files with a dataset.json. The same options give the same bytes in every file. The
 * first twelve cases all have tumors, unless these are smaller than the voxels. The volumes' axes run in different directions, as those of real scanners do.
 *
 * Throws DataError for a number out of range, volumes for which there is no room, a folder that holds files (see `force`)
 * or is another data set's, or one that cannot be written. An unfinished phantom is begun again without force.
 */
export async function writePhantom(storage: Storage, path: string, options: PhantomOptions): Promise<WrittenPhantom> {
  const { cases = 12, size = 128, slices = [32, 48], task = "liver", tumorDiameters, channels = 1 } = options;
  const { seed, force = false, onProgress, room } = options;
  const testCases = options.testCases ?? Math.max(1, Math.round(cases / 6));
  checkOptions({ cases, testCases, size, slices, seed });
  requireRoom({ cases, testCases, size, slices, seed }, room ?? {});
  const directory = storage.absolute(path);
  await orExplain(directory, () => clear(storage, directory, force));
  await writeJson(storage, joinPath(directory, mark), {
    format,
    version: 1,
    task,
    cases,
    testCases,
    size,
    slices,
    seed,
    ...(channels === 1 ? {} : { channels }),
  });

  let allSlices = 0;
  for (let caseNumber = 0; caseNumber < cases + testCases; caseNumber++) {
    const { image, other, label } = phantomCase({ seed, caseNumber, size, slices, task, tumorDiameters, channels });
    const name = caseName(caseNumber);
    const folder = joinPath(directory, caseNumber < cases ? "imagesTr" : "imagesTs");
    await writeNifti(storage, joinPath(folder, `${name}${other === undefined ? "" : "_0000"}.nii.gz`), image);
    if (other !== undefined) await writeNifti(storage, joinPath(folder, `${name}_0001.nii.gz`), other);
    if (caseNumber < cases) {
      await writeNifti(storage, joinPath(directory, "labelsTr", `${name}.nii.gz`), label);
      allSlices += image.shape[2];
    }
    onProgress?.(caseNumber + 1, cases + testCases);
  }

  await writeJson(storage, joinPath(directory, description), descriptionOf(task, { cases, testCases, channels }));
  return { directory, cases, testCases, slices: allSlices };
}

/** dataset.json: a Decathlon's, or of several channels nnU-Net's. */
function descriptionOf(task: PhantomTask, { cases, testCases, channels }: Counts) {
  const { names: labels } = phantomLabels[task];
  if (channels > 1) {
    return {
      name: taskNames[task],
      description: "Synthetic patients whose tumors show where two channels differ. No real data.",
      channel_names: { "0": "CT", "1": "spots" },
      labels: Object.fromEntries(labels.map((name, value) => [name, value])),
      numTraining: cases,
      file_ending: ".nii.gz",
    };
  }
  const files = (first: number, count: number): string[] =>
    Array.from({ length: count }, (_, i) => `${caseName(first + i)}.nii.gz`);
  return {
    name: taskNames[task],
    description: "Synthetic patients with a liver, its vessels and tumors. No real data.",
    tensorImageSize: "3D",
    modality: { "0": "CT" },
    labels: Object.fromEntries(labels.map((name, value) => [value, name])),
    numTraining: cases,
    numTest: testCases,
    training: files(0, cases).map((file) => ({ image: `./imagesTr/${file}`, label: `./labelsTr/${file}` })),
    test: files(cases, testCases).map((file) => `./imagesTs/${file}`),
  };
}
