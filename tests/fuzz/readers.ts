import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import {
  allocateSliceBatch,
  readDecathlon,
  readImage,
  readJson,
  readNifti,
  SliceCache,
  writePhantom,
} from "@lobule/data";
import { readSeries } from "@lobule/dicom";
import { readNnUNetFold, readPytorchFile } from "@lobule/interop";
import { referenceSpec, UNet } from "@lobule/nn";
import { nodeStorage, removeLock } from "@lobule/node";
import { readComparedRun } from "@lobule/report";
import {
  presetOf,
  RunFolder,
  readEnsemble,
  readMeasurement,
  readModel,
  resolveConfig,
  resolveLayers,
} from "@lobule/train";
import { readBenchFile } from "../../bench/src/read-bench-file.js";
import { readTuning } from "../../bench/src/tune/tune-kernels.js";
import { encodeNifti } from "../../packages/data/src/nifti/testing/encode.js";
import { writeEnhanced, writeSeries, zipOfSeries } from "../../packages/dicom/src/testing/write-series.js";
import { parseExperiment } from "../../packages/lobule/src/experiment/experiment-file.js";
import { readExperimentRecord } from "../../packages/lobule/src/experiment/experiment-folder.js";
import { planExperiment } from "../../packages/lobule/src/experiment/plan-experiment.js";
import { DicomThread } from "../../packages/lobule/src/shared/dicom-thread.js";
import { readSettingsFile, runSettings } from "../../packages/lobule/src/shared/settings-file.js";
import { parseModelDescription } from "../../packages/train/src/model/model-description.js";
import { smallDescription } from "../../packages/train/src/model/testing.js";
import { parseTrainingState } from "../../packages/train/src/run/training-state.js";
import { parseConfig } from "../../packages/train/src/trainer/training-config.js";
import {
  bench,
  device,
  epoch,
  experiment,
  lock,
  measurement,
  record,
  settings,
  training,
  tuning,
  workload,
} from "./sound-files.js";

/** Something that reads a file which others may have written. */
export interface Reader {
  readonly name: string;
  /** The file, in the folder of the reader. */
  readonly file: string;
  /** A sound file. */
  readonly sound: Uint8Array;
  /** Reads the file in its folder to the end, with all that is checked before it is used. */
  readonly read: (folder: string) => Promise<unknown>;
}

const jsonOf = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** A whole run folder, as training writes it. */
async function makeRun(folder: string): Promise<void> {
  const config = resolveConfig(null, { data: "/data", size: 16, depth: 1, baseFeatures: 1 });
  const run = await RunFolder.create(nodeStorage, folder, {
    config,
    split: { training: ["a"], validation: ["b"] },
    environment: { adapter: { name: "llvmpipe" } },
  });
  const network = new UNet({ ...referenceSpec, baseFeatures: 1, depth: 1, inChannels: 1, classes: 2, seed: 0 });
  await run.recordWorkload(workload, "/data");
  await run.appendMetrics(epoch);
  for (const kind of ["last", "best"] as const)
    await run.saveCheckpoint(kind, await network.stateDict(), { model: smallDescription, training });
  // As in older runs: what is read of a checkpoint is to be found, not only that it has changed.
  await rm(join(folder, "checkpoints.json"));
  await mkdir(join(folder, "evaluation"));
  await writeFile(join(folder, "evaluation", "validation.json"), jsonOf(measurement));
}

/** Everything that is read of a run folder before it is used again. */
async function readRun(folder: string): Promise<void> {
  const run = await RunFolder.open(nodeStorage, folder);
  parseConfig(run.config, join(folder, "config.json"));
  await run.readWorkload();
  await run.readMetrics();
  const { state } = await run.loadCheckpoint("last");
  parseModelDescription(state.model, run.checkpointPath("last"));
  parseTrainingState(state.training, run.checkpointPath("last"));
  await readModel(nodeStorage, folder);
  await readComparedRun(nodeStorage, folder);
}

async function readSlices(folder: string): Promise<void> {
  const names = {
    image: join(folder, "data", "imagesTr", "phantom_001.nii.gz"),
    label: join(folder, "data", "labelsTr", "phantom_001.nii.gz"),
  };
  const cache = await SliceCache.open(nodeStorage, [{ name: "phantom_001", ...names }], {
    directory: join(folder, "cache"),
    classes: 3,
    channels: 1,
    workers: 0,
  });
  try {
    const into = allocateSliceBatch(cache, 1);
    for (const slice of cache.cases[0]?.labelCounts.keys() ?? [])
      await cache.read([{ case: 0, slice }], into, [{ window: [-160, 240] }]);
  } finally {
    await cache.close();
  }
}

/** A volume of 3×2×1 voxels with a header in text. */
function imageOf(form: string): Uint8Array {
  const voxels = Buffer.from(new Int16Array([-1000, 0, 40, 80, 120, 3000]).buffer);
  const nrrd = `NRRD0004
type: short
dimension: 3
space: left-posterior-superior
sizes: 3 2 1
space directions: (0.5,0,0) (0,0.5,0) (0,0,2)
endian: little
encoding: gzip
space origin: (10,20,30)

`;
  const mha = `ObjectType = Image
NDims = 3
BinaryData = True
CompressedData = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = 10 20 30
ElementSpacing = 0.5 0.5 2
DimSize = 3 2 1
ElementType = MET_SHORT
ElementDataFile = LOCAL
`;
  return form === "nrrd"
    ? Buffer.concat([Buffer.from(nrrd), gzipSync(voxels)])
    : Buffer.concat([Buffer.from(mha), voxels]);
}

/** Given up early enough for a campaign. */
const thread = new DicomThread({
  seconds: 1,
  worker: new URL("../../packages/lobule/dist/shared/dicom-worker.js", import.meta.url),
});
const readDicomSource = (source: string): Promise<unknown> =>
  readSeries(nodeStorage, source, { parse: (file) => thread.parse(file) });

/** A checkpoint that PyTorch wrote. */
const checkpoint = (name: string): Promise<Uint8Array> =>
  readFile(fileURLToPath(new URL(`../../packages/interop/src/pytorch/fixtures/${name}`, import.meta.url)));

/** Each file of a folder that nnU-Net trained, with the others in sound form beside it. */
async function nnunetReaders(): Promise<Reader[]> {
  const trained = fileURLToPath(new URL("../../packages/interop/src/nnunet/fixtures/plain/", import.meta.url));
  const files = ["plans.json", "dataset.json", join("fold_0", "checkpoint_final.pth")];
  const sounds = await Promise.all(files.map((file) => readFile(join(trained, file))));
  return files.map((file, i) => ({
    name: `nnunet-${["plans", "dataset", "checkpoint"][i]}`,
    file,
    sound: sounds[i] ?? new Uint8Array(),
    read: async (folder) => {
      await mkdir(join(folder, "fold_0"), { recursive: true });
      for (const [j, other] of files.entries()) if (j !== i) await writeFile(join(folder, other), sounds[j] ?? "");
      await readNnUNetFold(nodeStorage, folder, "fold_0", "final");
    },
  }));
}

/** All readers, each with a folder below `root` that holds what it needs besides its file. */
export async function makeReaders(root: string): Promise<readonly (Reader & { readonly folder: string })[]> {
  const run = join(root, "run");
  await makeRun(run);
  const slices = join(root, "slices");
  await writePhantom(nodeStorage, join(slices, "data"), { cases: 2, testCases: 0, size: 8, slices: [2, 3], seed: 1 });
  await readSlices(slices);
  const entry = (await readdir(join(slices, "cache"))).find((name) => name.endsWith(".slices")) ?? "";
  const nifti = encodeNifti("int16", {}, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const bySelf = (name: string, file: string, sound: Uint8Array, read: (path: string) => Promise<unknown>): Reader => ({
    name,
    file,
    sound,
    read: (folder) => read(join(folder, file)),
  });
  const alone: Reader[] = [
    bySelf("nifti", "scan.nii", nifti, (path) => readNifti(nodeStorage, path)),
    bySelf("nifti-2", "scan.nii", encodeNifti("float32", { version: 2 }), (path) => readNifti(nodeStorage, path)),
    bySelf("nifti-gz", "scan.nii.gz", gzipSync(nifti), (path) => readNifti(nodeStorage, path)),
    ...(await nnunetReaders()),
    {
      name: "dataset",
      file: "dataset.json",
      sound: await readFile(join(slices, "data", "dataset.json")),
      read: (folder) => readDecathlon(nodeStorage, folder),
    },
    bySelf("settings", "settings.yaml", Buffer.from(settings), async (path) => {
      const file = await readSettingsFile(path, runSettings);
      const nameOf = (keys: readonly PropertyKey[]): string => `'${keys.join(".")}' of ${path}${file.lineOf(keys)}`;
      resolveLayers(presetOf(file.settings.preset), [{ settings: file.settings, nameOf }]);
    }),
    bySelf("experiment", "experiment.json", jsonOf(experiment), async (path) =>
      planExperiment(parseExperiment(await readJson(nodeStorage, path, "description"), path), "/data", path),
    ),
    {
      name: "experiment-record",
      file: "experiment.json",
      sound: jsonOf(record),
      read: (folder) => readExperimentRecord(nodeStorage, folder),
    },
    {
      name: "ensemble",
      file: "ensemble.json",
      sound: jsonOf({ format: "lobule-ensemble", version: 1, members: [{ run: "fold0", sha256: "0".repeat(64) }] }),
      read: (folder) => readEnsemble(nodeStorage, folder),
    },
    bySelf("measurement", "other.json", jsonOf(measurement), (path) => readMeasurement(nodeStorage, path)),
    bySelf("bench", "bench.json", jsonOf(bench), readBenchFile),
    bySelf("tuning", "tuning.json", jsonOf(tuning), (path) => readTuning(path, device, true)),
    ...["nrrd", "mha"].map((form) =>
      bySelf(form, `scan.${form}`, imageOf(form), (path) => readImage(nodeStorage, path)),
    ),
    {
      name: "dicom",
      file: "slice.dcm",
      sound: await readFile((await writeSeries(join(root, "series"), { slices: 1 }))[0] ?? ""),
      read: readDicomSource,
    },
    {
      name: "dicom-enhanced",
      file: "image.dcm",
      sound: await readFile(await writeEnhanced(join(root, "enhanced"))),
      read: readDicomSource,
    },
    {
      name: "dicom-packed",
      file: "slice.dcm",
      sound: await readFile(
        (await writeSeries(join(root, "packed"), { slices: 1, syntax: "1.2.840.10008.1.2.4.90" }))[0] ?? "",
      ),
      read: readDicomSource,
    },
    bySelf("dicom-zip", "series.zip", await zipOfSeries(await writeSeries(join(root, "zipped"))), readDicomSource),
    bySelf("pytorch", "model.pt", await checkpoint("types.pt"), (path) => readPytorchFile(nodeStorage, path)),
    bySelf("pytorch-old", "model.pt", await checkpoint("types-old.pt"), (path) => readPytorchFile(nodeStorage, path)),
    bySelf("lock", "run.lock", jsonOf(lock), (path) =>
      removeLock(path, { doing: `trains ${path}`, unlock: "lobule unlock", force: true }),
    ),
  ];
  const inRun = [
    "config.json",
    "split.json",
    "environment.json",
    "workload.json",
    "metrics.jsonl",
    "checkpoints/last.safetensors",
    "checkpoints/best.safetensors",
    "evaluation/validation.json",
  ];
  return [
    ...alone.map((reader) => ({ ...reader, folder: join(root, reader.name) })),
    ...(await Promise.all(
      inRun.map(async (file) => ({
        name: `run-${file.replace(/^.*\//, "").replace(/\..*$/, "")}`,
        file,
        folder: run,
        read: readRun,
        sound: await readFile(join(run, file)),
      })),
    )),
    {
      name: "cache",
      file: `cache/${entry}`,
      folder: slices,
      read: readSlices,
      sound: await readFile(join(slices, "cache", entry)),
    },
  ];
}

/** Reads `input` in place of the sound file, which is put back. */
export async function readInput(reader: Reader & { readonly folder: string }, input: Uint8Array): Promise<unknown> {
  const path = join(reader.folder, reader.file);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, input);
  try {
    return await reader.read(reader.folder);
  } finally {
    await rm(path, { force: true });
    await writeFile(path, reader.sound);
  }
}
