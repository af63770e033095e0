import {
  baseName,
  errorCode,
  exists,
  joinPath,
  readDecathlon,
  readNiftiHeader,
  type Storage,
  type StorageLock,
} from "@lobule/data";
import { followRun, keepReport, type RunEvent, reportRun } from "@lobule/report";
import type { Device } from "@lobule/tensor";
import {
  type OpenRun,
  planRun,
  RunFolder,
  type RunRequest,
  resumeRun,
  startRun,
  type TrainingConfig,
} from "@lobule/train";
import { Cancelled } from "../parts/long-call.js";
import { bytesIn, requireSpace } from "./browser-files.js";
import { requireData, usingData } from "./data-in-use.js";
import { environmentOf } from "./describe.js";
import { EventBatches } from "./event-batches.js";
import type { Means } from "./means.js";
import { newPath, runsFolder } from "./names.js";
import { dataOf, lockRun } from "./runs.js";
import { cacheOf, taskFolder } from "./tasks.js";

/** What a run would be, by its plan. */
export interface PlannedRun {
  readonly steps: number;
  /** Slices of an epoch. */
  readonly slices: number;
  readonly trainingCases: number;
  readonly validationCases: number;
  readonly parameters: number;
  /** Bytes on the device. */
  readonly memory: number;
  /** Bytes that decoded slices and checkpoints will take of the browser's files, about. */
  readonly space: number;
}

/** Is told by a run that trains. Several events come at a time. */
export interface RunListener {
  events(events: readonly RunEvent[]): void;
}

/** What is to be different in a run that is resumed. */
export interface ResumeChanges {
  readonly epochs?: number;
  /** Name of the data, where they are kept under another one. */
  readonly data?: string;
}

/** Times that a lost device is opened anew in a row, with no step in between. */
const mostLosses = 3;

/** Trains runs, one at a time, and keeps them. */
export class Training {
  private stop: AbortController | undefined;

  constructor(private readonly means: Means) {}

  /**
   * What a run of a configuration would be; nothing is read but headers.
   * @throws DataError, ConfigError, PlanError with the largest batch that fits.
   */
  async plan(config: TrainingConfig): Promise<PlannedRun> {
    const [storage, device] = [await this.means.storage(), await this.means.device()];
    const { step, split, steps, slices } = await planRun(storage, config, {
      kernels: device.kernels,
      room: { device },
    });
    return {
      steps,
      slices,
      trainingCases: split.training.length,
      validationCases: split.validation.length,
      parameters: step.parameters,
      memory: step.peakBytes,
      space: (await cacheSpace(storage, config.data, [...split.training, ...split.validation])) + 36 * step.parameters,
    };
  }

  /** A path for a new run of a name, with a number where that is taken. @throws DataError where it is no name. */
  async pathFor(name: string): Promise<string> {
    return newPath(await this.means.storage(), runsFolder, name);
  }

  /**
   * Begins a run and trains it until it ends; how it ends is the last event.
   * @throws Error where it cannot begin; Cancelled where it was paused before there was a run.
   */
  async start(path: string, config: TrainingConfig, listener: RunListener): Promise<void> {
    await this.train(path, listener, {
      dataOf: async () => config.data,
      open: async (request, attempt) => {
        if (attempt === 0) await requireSpace((await this.plan(config)).space, `The run ${baseName(path)}`);
        const begun = attempt > 0 && (await exists(request.storage, joinPath(path, "config.json")));
        if (begun) return resumeRun(path, request);
        return startRun(config, path, environmentOf(request.device), request);
      },
    });
  }

  /** Trains on from the last checkpoint; otherwise as `start`. @throws DataError where its data are not here. */
  async resume(path: string, { epochs, data }: ResumeChanges, listener: RunListener): Promise<void> {
    const moved = data === undefined ? undefined : taskFolder(data);
    await this.train(path, listener, {
      dataOf: async (storage) => moved ?? dataOf((await RunFolder.open(storage, path)).config),
      open: (request) =>
        resumeRun(path, {
          ...request,
          ...(epochs === undefined ? {} : { epochs }),
          ...(moved === undefined ? {} : { data: moved }),
        }),
    });
  }

  /** Ends training after the step under way, saved; `start` or `resume` returns then. */
  pause(): void {
    this.stop?.abort(new Error("paused"));
  }

  private async train(path: string, listener: RunListener, { dataOf, open }: Opening): Promise<void> {
    // Before anything is waited for: a run may be paused while it is opened.
    const stop = new AbortController();
    this.stop = stop;
    const storage = await this.means.storage();
    const lock = await lockRun(storage, path);
    const batches = new EventBatches(async (events) => listener.events(events));
    const trained = { path, storage, lock, signal: stop.signal, send: (event: RunEvent) => batches.add(event), open };
    try {
      const data = await dataOf(storage);
      if (data === undefined) await this.untilEnded(trained);
      else
        await usingData(data, async () => {
          await requireData(storage, data);
          await this.untilEnded(trained);
        });
    } finally {
      this.stop = undefined;
      await lock.release();
      await batches.end();
    }
  }

  /** Trains on a device that is opened anew where it is lost. */
  private async untilEnded({ path, storage, lock, signal, send, open }: Trained): Promise<void> {
    let losses = 0;
    const counted = (event: RunEvent): void => {
      if (event.kind === "steps") losses = 0;
      send(event);
    };
    for (let attempt = 0; ; attempt++) {
      const device = attempt === 0 ? await this.means.device() : await deviceAfterLoss(this.means);
      const { request, giveUp } = requestOf(storage, device, lock, signal, counted);
      try {
        await untilLost(device, () => trainToEnd(storage, () => open(request, attempt), device, counted, signal));
        return;
      } catch (error) {
        giveUp();
        if (error === signal.reason) {
          if (await exists(storage, joinPath(path, "config.json"))) return;
          throw new Cancelled();
        }
        if (isFull(error)) throw new Error(fullSentence, { cause: error });
        if (!(error instanceof DeviceLost)) throw error;
        losses += 1;
        if (losses > mostLosses || signal.aborted) throw error;
        send({
          kind: "note",
          text: "The browser lost its graphics device; it was opened anew, and the run was resumed from its last checkpoint.",
        });
      }
    }
  }
}

/** How a run is opened. */
interface Opening {
  /** The folder of its data; undefined where the run does not say. */
  readonly dataOf: (storage: Storage) => Promise<string | undefined>;
  readonly open: (request: RunRequest, attempt: number) => Promise<OpenRun>;
}

/** A run that this worker trains, whose lock it has. */
interface Trained extends Pick<Opening, "open"> {
  readonly path: string;
  readonly storage: Storage;
  readonly lock: StorageLock;
  readonly signal: AbortSignal;
  readonly send: (event: RunEvent) => void;
}

const fullSentence =
  "The browser keeps no more files for this page, so the run was not saved further; its last checkpoint is untouched. Remove runs or data that you do not need, or free space on the disk, and resume it.";

/** Whether a file could not be written because there is no space. */
const isFull = (error: unknown): boolean =>
  error instanceof Error && (errorCode(error) === "ENOSPC" || isFull(error.cause));

/** The device of a run is gone. */
class DeviceLost extends Error {
  override readonly name = "DeviceLost";
  constructor() {
    super(
      "the browser lost its graphics device again and again; the run is saved up to its last checkpoint, so resume it with a smaller batch, or once the browser was started anew",
    );
  }
}

/** Seconds that a browser is given to have its graphics process again. */
const mostWait = 20;

/** The device, once the browser gives one again. @throws Error where it does not in time. */
async function deviceAfterLoss(means: Means): Promise<Device> {
  for (let waited = 0; ; waited++) {
    try {
      return await means.device();
    } catch (error) {
      if (waited >= mostWait)
        throw new Error(
          "the browser lost its graphics device and gives no other; the run is saved up to its last checkpoint, so start the browser anew and resume it",
          { cause: error },
        );
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** What `work` gives. @throws DeviceLost once the device is gone, whatever else fails then. */
async function untilLost<Result>(device: Device, work: () => Promise<Result>): Promise<Result> {
  const lost = device.gpu.lost.then((): never => {
    throw new DeviceLost();
  });
  lost.catch(() => undefined);
  try {
    return await Promise.race([work(), lost]);
  } catch (error) {
    // A command may fail a moment before the browser says why.
    const moment = new Promise<void>((resolve) => setTimeout(resolve, 500));
    await Promise.race([lost, moment]);
    throw error;
  }
}

/** What a run is opened with, and what keeps it from writing once another has taken its work over. */
function requestOf(
  storage: Storage,
  device: Device,
  lock: StorageLock,
  signal: AbortSignal,
  send: (event: RunEvent) => void,
): { readonly request: RunRequest; readonly giveUp: () => void } {
  let given = false;
  const keeper = keepReport({ wallClock: () => Date.now() / 1000, host: "browser" });
  const followed = followRun((event) => given || send(event), device, keeper);
  return {
    giveUp: () => {
      given = true;
    },
    request: {
      ...followed,
      storage,
      device,
      signal,
      now: () => performance.now(),
      cacheDirectoryOf: cacheOf,
      mayWrite: async () => {
        if (given) throw new DeviceLost();
        await lock.check();
      },
    },
  };
}

/** Trains, and measures a run whose training is over for its report. */
async function trainToEnd(
  storage: Storage,
  open: () => Promise<OpenRun>,
  device: Device,
  send: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const run = await open();
  try {
    for (const text of run.data.notes) send({ kind: "note", text });
    const outcome = await run.run();
    if (outcome === "interrupted" || outcome === "paused") return;
    await run.trainer.close();
    const held = new Set(run.data.split.validation);
    const cases = run.data.task.cases.filter(({ name }) => held.has(name));
    send({ kind: "measuring", done: 0, total: cases.length });
    await reportRun(storage, device, run.folder, baseName(run.folder.directory), cases, {
      signal,
      onCase: (done, total) => send({ kind: "measuring", done, total }),
      progress: { epochs: run.trainer.epochs, state: outcome, written: Date.now() / 1000 },
    });
    send({ kind: "ended", status: outcome });
  } finally {
    await run.close();
  }
}

/** Bytes that the decoded slices of cases will take besides what is decoded already. */
async function cacheSpace(storage: Storage, data: string, names: readonly string[]): Promise<number> {
  const wanted = new Set(names);
  let bytes = 0;
  for (const { name, image } of (await readDecathlon(storage, data)).cases) {
    if (!wanted.has(name)) continue;
    const { shape } = await readNiftiHeader(storage, image);
    // Whole Hounsfield units, as int16, and a byte of labels.
    bytes += 3 * shape[0] * shape[1] * shape[2];
  }
  return Math.max(0, bytes - (await bytesIn(storage, cacheOf(data))));
}
