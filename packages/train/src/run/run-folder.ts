import {
  commandText,
  exists,
  FileReadError,
  FileWriteError,
  joinPath,
  plural,
  readBytes,
  readText,
  reason,
  type Storage,
  sha256OfFile,
  writeFileAtomically,
} from "@lobule/data";
import type { SafetensorsTensor } from "@lobule/tensor";
import { z } from "zod";
import { parseJson } from "../json/parse-json.js";
import { type Checkpoint, type CheckpointState, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
import type { EpochRecord } from "./epoch-record.js";
import { severalRunsText } from "./folder-of-runs.js";
import { MetricsLog } from "./metrics-log.js";
import { announceCheckpoint, type CheckpointKind, changedSince } from "./saved-checkpoints.js";
import { type Workload, workloadSchema } from "./workload.js";

/** A run folder that cannot be made, read or written; one sentence says why and what to do. */
export class RunError extends Error {
  override readonly name = "RunError";
}

/** Names of the cases on either side. */
export interface RunSplit {
  readonly training: readonly string[];
  readonly validation: readonly string[];
}

/** What a run is made from. */
export interface RunSettings {
  /** The resolved configuration, a JSON value. */
  readonly config: unknown;
  readonly split: RunSplit;
  /** What ran where: versions, adapter; JSON values. */
  readonly environment: Readonly<Record<string, unknown>>;
  /** Code of the run's own model, where it has one. */
  readonly modelCode?: string;
}

/** Is asked before every write to a run folder; throws where another process has taken the run over. */
export type MayWrite = () => Promise<void>;

/** Raised when a folder of this version could be misread by an older one. */
const formatVersion = 1;

const caseNames = z.array(z.string().min(1)).min(1);
const splitSchema = z.strictObject({ training: caseNames, validation: caseNames }).superRefine((split, context) => {
  const seen = new Set<string>();
  for (const side of ["training", "validation"] as const) {
    for (const [i, name] of split[side].entries()) {
      if (seen.has(name))
        context.addIssue({ code: "custom", path: [side, i], message: `names the case ${name} twice` });
      seen.add(name);
    }
  }
});
const environmentSchema = z.looseObject({ runFormat: z.int().positive() });

/**
 * The folder of one training run, enough to resume, predict, compare and reproduce:
 *
 *     config.json         the resolved configuration, as given
 *     split.json          { training: [case…], validation: [case…] }
 *     environment.json    what ran where, and runFormat, the version of this layout
 *     model.cjs           code of the run's own model, where it has one
 *     workload.json       what the cases hold and what a step costs, a Workload
 *     metrics.jsonl       an EpochRecord a line
 *     checkpoints.json    SHA-256 of what the checkpoints hold, or are about to
 *     checkpoints/{best,last}.safetensors
 *     tensorboard/{training,validation}/  an event file a process
 *     report.html
 *
 * Each file but TensorBoard's is replaced as a whole, so a kill at any moment leaves the old one or the new one; of
 * TensorBoard's it can tear the last event, which then does not count. One process at a time may write.
 *
 * A run exists from config.json on, which is written last of what it is made from: without it the folder can be begun
 * again, with it and without checkpoints the run is at its first step.
 */
export class RunFolder {
  readonly config: unknown;
  readonly split: RunSplit;
  readonly environment: Readonly<Record<string, unknown>>;
  private readonly metrics: MetricsLog;
  /** SHA-256 of the checkpoints that were read or written here. */
  private readonly held = new Map<CheckpointKind, string>();

  private constructor(
    readonly storage: Storage,
    readonly directory: string,
    { config, split, environment }: RunSettings,
    private readonly mayWrite: MayWrite,
  ) {
    this.config = config;
    this.split = split;
    this.environment = environment;
    this.metrics = new MetricsLog(storage, joinPath(directory, "metrics.jsonl"));
  }

  /** @throws RunError when there is a run in the folder already, or parts of one. */
  static async requireNone(storage: Storage, directory: string): Promise<void> {
    for (const name of ["config.json", "metrics.jsonl", "checkpoints", "tensorboard", "report.html", "ensemble.json"]) {
      if (await exists(storage, joinPath(directory, name))) {
        throw new RunError(
          name === "config.json"
            ? `${directory} holds a run already; name another folder with --out, or resume it: ${commandText("train", "--resume", directory)}`
            : `${directory} holds '${name}' but no config.json, so no new run is begun in it; name another folder with --out`,
        );
      }
    }
  }

  /**
   * Makes the folder, and those above it, of a new run. A folder that holds other files keeps them.
   * @throws RunError when there is a run already, FileWriteError when the place cannot be written.
   */
  static async create(
    storage: Storage,
    directory: string,
    settings: RunSettings,
    mayWrite: MayWrite = anyTime,
  ): Promise<RunFolder> {
    await RunFolder.requireNone(storage, directory);
    const { config, split, environment, modelCode } = settings;
    try {
      await storage.makeFolder(directory);
    } catch (error) {
      throw new RunError(`cannot make the run folder ${directory}: ${reason(error)}; name another with --out`);
    }
    const write = (name: string, text: string): Promise<void> =>
      writeFileAtomically(storage, joinPath(directory, name), text);
    await mayWrite();
    await write("environment.json", json({ ...environment, runFormat: formatVersion }));
    await write("split.json", json(split));
    // One that is there was left by a run that was not begun, maybe with another model.
    if (modelCode === undefined) await storage.remove(joinPath(directory, "model.cjs"));
    else await write("model.cjs", modelCode);
    await write("config.json", json(config));
    return new RunFolder(storage, directory, settings, mayWrite);
  }

  /** @throws RunError when the folder is no run, is damaged, or comes from a newer version. */
  static async open(storage: Storage, directory: string, mayWrite: MayWrite = anyTime): Promise<RunFolder> {
    const read = async <T>(name: string, schema: z.ZodType<T>): Promise<T> => {
      const path = joinPath(directory, name);
      const text = await readText(storage, path, "description").catch(async (error: unknown) => {
        if (!(error instanceof FileReadError)) throw error;
        throw new RunError(error.missing ? await noRun(storage, directory, name) : error.message);
      });
      return inOneSentence(() => parseJson(text, schema, path), "the run is damaged; begin another");
    };
    const config = await read("config.json", z.unknown());
    const { runFormat, ...environment } = await read("environment.json", environmentSchema);
    if (runFormat > formatVersion) {
      throw new RunError(
        `${directory} was written by a newer version (run format ${runFormat}, this one knows up to ${formatVersion}); update lobule`,
      );
    }
    return new RunFolder(
      storage,
      directory,
      { config, split: await read("split.json", splitSchema), environment },
      mayWrite,
    );
  }

  /** Replaces config.json, for a run that is to have more epochs. @throws FileWriteError when it cannot be written. */
  async saveConfig(config: unknown): Promise<void> {
    await this.mayWrite();
    await writeFileAtomically(this.storage, joinPath(this.directory, "config.json"), json(config));
  }

  /** What the run works on and what a step costs; null for a run of a version that did not write it. */
  async readWorkload(): Promise<Workload | null> {
    const path = joinPath(this.directory, "workload.json");
    const text = await readText(this.storage, path, "record").catch((error: unknown) => {
      if (!(error instanceof FileReadError)) throw error;
      if (error.missing) return null;
      throw new RunError(error.message);
    });
    if (text === null) return null;
    return inOneSentence(
      () => parseJson(text, workloadSchema, path),
      `remove it, and ${commandText("train", "--resume", this.directory)} makes it anew`,
    );
  }

  /**
   * Writes what the run works on and what a step costs.
   * @param data the folder of its cases, for the message.
   * @throws RunError when a case held something else when the run began: the rest of it would be of other data.
   */
  async recordWorkload(workload: Workload, data: string): Promise<void> {
    const before = await this.readWorkload();
    const { training, validation } = this.split;
    const missing = before === null ? undefined : [...training, ...validation].find((name) => !(name in before.cases));
    if (missing !== undefined) {
      throw new RunError(
        `${joinPath(this.directory, "workload.json")} says nothing of the case ${missing}, so whether it changed cannot be told; restore the file, or remove it if the data are surely the same`,
      );
    }
    const changed = Object.entries(before?.cases ?? {}).find(([name, hash]) => workload.cases[name] !== hash);
    if (changed !== undefined) {
      throw new RunError(
        `the case ${changed[0]} of ${data} does not hold what it held when ${this.directory} began; restore it, name the folder where it is by --data, or begin another run`,
      );
    }
    await this.mayWrite();
    await writeFileAtomically(this.storage, joinPath(this.directory, "workload.json"), json(workload));
  }

  /** Where the checkpoint of a kind is, or will be. */
  checkpointPath(kind: CheckpointKind): string {
    return joinPath(this.directory, "checkpoints", `${kind}.safetensors`);
  }

  /** Whether there is a checkpoint of a kind. */
  hasCheckpoint(kind: CheckpointKind): Promise<boolean> {
    return exists(this.storage, this.checkpointPath(kind));
  }

  /** SHA-256 of a checkpoint's file, in hexadecimal. @throws RunError when it cannot be read. */
  async checkpointHash(kind: CheckpointKind): Promise<string> {
    const path = this.checkpointPath(kind);
    const bytes = await readBytes(this.storage, path, "tensors").catch((error: unknown) => {
      throw error instanceof FileReadError ? new RunError(error.message) : error;
    });
    return sha256OfFile(bytes);
  }

  /**
   * Replaces a checkpoint. Equal tensors and state give equal bytes.
   * @param state JSON values by name, without times or places.
   * @throws FileWriteError when the disk is full or cannot be written, the old checkpoint intact; RangeError when a
   * number of the state is not finite.
   */
  async saveCheckpoint(
    kind: CheckpointKind,
    tensors: ReadonlyMap<string, SafetensorsTensor>,
    state: CheckpointState,
  ): Promise<void> {
    const bytes = encodeCheckpoint({ tensors, state });
    const path = this.checkpointPath(kind);
    const next = await sha256OfFile(bytes);
    const isThere = await this.hasCheckpoint(kind);
    const before = isThere ? (this.held.get(kind) ?? (await this.checkpointHash(kind))) : undefined;
    await this.mayWrite();
    try {
      await this.storage.makeFolder(joinPath(this.directory, "checkpoints"));
      await announceCheckpoint(this.storage, this.directory, kind, { next, before });
      await writeFileAtomically(this.storage, path, bytes);
      this.held.set(kind, next);
    } catch (error) {
      const size = (bytes.length / 2 ** 20).toFixed(1);
      throw new FileWriteError(
        `cannot save ${path} (${size} MiB): ${reason(error instanceof FileWriteError ? error.cause : error)}; the checkpoint before it is untouched; ${this.wayOn}`,
        { cause: error },
      );
    }
  }

  /**
   * The last checkpoint; null for a run that was stopped before it had one, and so is at its first step.
   * @throws RunError when it is damaged, or missing though the run has done epochs.
   */
  async loadLast(): Promise<Checkpoint | null> {
    const path = this.checkpointPath("last");
    if (await exists(this.storage, path)) return this.loadCheckpoint("last");
    const epochs = (await this.readMetrics()).length;
    if (epochs > 0 || (await exists(this.storage, this.checkpointPath("best")))) {
      throw new RunError(
        `${path} is missing, but ${this.directory} has done ${epochs > 0 ? plural(epochs, "epoch") : "an epoch"}; restore it, or begin another run with another --out`,
      );
    }
    return null;
  }

  /** @throws RunError when there is no such checkpoint, it is damaged or holds something else than was saved. */
  async loadCheckpoint(kind: CheckpointKind): Promise<Checkpoint> {
    const path = this.checkpointPath(kind);
    const bytes = await readBytes(this.storage, path, "tensors").catch((error: unknown) => {
      if (!(error instanceof FileReadError)) throw error;
      throw new RunError(
        error.missing ? `${this.directory} has no ${kind} checkpoint yet (${path}); train it first` : error.message,
      );
    });
    const checkpoint = inOneSentence(
      () => decodeCheckpoint(bytes),
      "take the other checkpoint or begin another run",
      path,
    );
    const sha256 = await sha256OfFile(bytes);
    const changed = await changedSince(this.storage, path, sha256);
    if (changed !== undefined) throw new RunError(changed);
    this.held.set(kind, sha256);
    return checkpoint;
  }

  /**
   * Adds the record of an epoch, on disk when this returns.
   * @throws FileWriteError when the disk is full or cannot be written; the log then holds what it held.
   */
  async appendMetrics(record: EpochRecord): Promise<void> {
    await this.mayWrite();
    await this.metrics.append(record).catch((error: unknown) => {
      if (!(error instanceof FileWriteError)) throw error;
      throw new FileWriteError(`${error.message}; ${this.wayOn}`, { cause: error });
    });
  }

  /** What to do when something of the run could not be written. */
  private get wayOn(): string {
    return `once that is mended, resume it: ${commandText("train", "--resume", this.directory)}`;
  }

  /**
   * Records of the epochs so far, rising; one torn by a kill is left out, and lines that were lost leave gaps.
   * @throws RunError when a line is damaged or comes after a later epoch's.
   */
  readMetrics(): Promise<EpochRecord[]> {
    return this.metrics.read().catch(asRunError);
  }

  /**
   * Keeps the records of the first `epochs` epochs: on resume, those that the checkpoint has seen.
   * @throws RunError when a line is damaged, FileWriteError as appendMetrics.
   */
  async truncateMetrics(epochs: number): Promise<void> {
    await this.mayWrite();
    await this.metrics.truncate(epochs).catch(asRunError);
  }

  /** Replaces report.html and returns its path. @throws FileWriteError when it cannot be written. */
  async saveReport(html: string): Promise<string> {
    const path = joinPath(this.directory, "report.html");
    await this.mayWrite();
    await writeFileAtomically(this.storage, path, html);
    return path;
  }
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

const anyTime: MayWrite = async () => undefined;

/** Why a folder without one of a run's files is no run, and what to do. */
async function noRun(storage: Storage, directory: string, name: string): Promise<string> {
  const begun = await Promise.all(
    ["environment.json", "run.lock"].map((each) => exists(storage, joinPath(directory, each))),
  );
  if (name === "config.json" && begun.includes(true)) {
    return `the run in ${directory} was stopped before it was begun: it has no ${name}; repeat the command that began it, with --out ${directory}`;
  }
  const several = await severalRunsText(storage, directory);
  return several ?? `${directory} is no run folder: it has no ${name}; give the folder of a run`;
}

/** Runs `work`; whatever is wrong becomes a RunError that says what to do. */
function inOneSentence<T>(work: () => T, advice: string, path?: string): T {
  try {
    return work();
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    throw new RunError(`${path === undefined ? "" : `${path} is damaged: `}${what}; ${advice}`);
  }
}

/** A log that cannot be read is a damaged run; a write error stays what it is. */
function asRunError(error: unknown): never {
  if (error instanceof FileWriteError) throw error;
  throw new RunError(error instanceof Error ? error.message : String(error));
}
