import { joinPath, readBytes, readDecathlon, readText, type Storage, sha256OfFile, writePhantom } from "@lobule/data";
import { keepReport, reportRun } from "@lobule/report";
import { Device } from "@lobule/tensor";
import {
  evaluateRun,
  type OpenRun,
  planEvaluation,
  RunFolder,
  type RunRequest,
  readModel,
  resolveConfig,
  resumeRun,
  SlicePredictor,
  segmentVolume,
  startRun,
  type TrainingObserver,
} from "@lobule/train";
import { openGpu, openStorage, unzipFolder, zipFolder } from "@lobule/web";
import { answerCalls } from "./answer-calls.js";
import { phantom } from "./phantom.js";

const data = "/data";
const opened = Promise.all([openStorage(), openGpu().then((gpu) => Device.open(gpu))]);
// Who calls is told; the page may have to be opened again.
opened.catch(() => undefined);

const request = (storage: Storage, device: Device, observer: TrainingObserver = {}): RunRequest => ({
  storage,
  device,
  observer,
  now: () => performance.now(),
  cacheDirectoryOf: () => "/cache",
  keeper: keepReport({ wallClock: () => Date.now() / 1000, host: "browser" }),
});

async function begin(directory: string, observer?: TrainingObserver): Promise<OpenRun> {
  const [storage, device] = await opened;
  const config = resolveConfig(null, {
    data,
    size: 16,
    // The least to compile, which a browser does anew whenever it is started.
    network: { preset: "unet", skip: "add" },
    baseFeatures: 1,
    depth: 1,
    batch: 2,
    epochs: 2,
    learningRate: 1e-2,
    checkpointEvery: 2,
    window: [-160, 240],
    seed: 5,
  });
  return startRun(config, directory, { lobule: "in a browser" }, request(storage, device, observer));
}

/** Trains to the end. @returns how it ended, and the hashes of its checkpoints. */
async function finish(run: OpenRun) {
  const [storage] = await opened;
  const outcome = await run.run();
  await run.close();
  const hashOf = async (kind: "best" | "last"): Promise<string> =>
    sha256OfFile(await readBytes(storage, run.folder.checkpointPath(kind), "tensors"));
  return {
    outcome,
    best: await hashOf("best"),
    last: await hashOf("last"),
    epochs: (await run.folder.readMetrics()).length,
  };
}

answerCalls({
  /** Fails where the worker has no files or no device. */
  ready: async () => {
    await opened;
  },

  phantom: async () => writePhantom((await opened)[0], data, phantom),

  train: async (directory: string) => finish(await begin(directory)),

  /** Trains until so many steps of the second epoch are done, and continues. */
  trainUntil: (directory: string, last: number) =>
    new Promise<void>((resolve, reject) => {
      const step = (progress: { readonly epoch: number; readonly step: number }): void => {
        if (progress.epoch === 1 && progress.step >= last) resolve();
      };
      begin(directory, { step }).then(finish).catch(reject);
    }),

  resume: async (directory: string, epochs?: number) => {
    const [storage, device] = await opened;
    const changes = epochs === undefined ? {} : { epochs, data };
    const run = await resumeRun(directory, { ...request(storage, device), ...changes });
    const { outcome, ...rest } = await finish(run);
    return { outcome, ...rest };
  },

  /** What was measured on the cases that the run held out: their names, and how many classes beside the background. */
  evaluate: async (directory: string) => {
    const [storage, device] = await opened;
    const plan = await planEvaluation(storage, directory, await readModel(storage, directory), {});
    const { result } = await evaluateRun(storage, device, plan);
    return { cases: result.cases.map(({ name }) => name), classes: result.classes.length };
  },

  segment: async (directory: string, name: string) => {
    const [storage, device] = await opened;
    await storage.makeFolder("/labels");
    const predictor = new SlicePredictor(device, await readModel(storage, directory), {});
    const { voxels } = await segmentVolume(
      storage,
      predictor,
      joinPath(data, "imagesTs", name),
      joinPath("/labels", name),
    );
    await predictor.close();
    return voxels;
  },

  /** Measures the run's cases for its report, and gives the page. */
  report: async (directory: string) => {
    const [storage, device] = await opened;
    const folder = await RunFolder.open(storage, directory);
    const { cases } = await readDecathlon(storage, data);
    const held = cases.filter(({ name }) => folder.split.validation.includes(name));
    const stand = { epochs: 2, state: "all epochs done" as const, written: Date.now() / 1000 };
    const { path } = await reportRun(storage, device, folder, "a run", held, { progress: stand });
    return readText(storage, path, "record");
  },

  zip: async (directory: string) => [...(await zipFolder((await opened)[0], directory))],
  unzip: async (archive: number[], directory: string) =>
    unzipFolder((await opened)[0], Uint8Array.from(archive), directory),
});
