import { DataError, exists, FileReadError, joinPath, readText, type Storage, type StorageLock } from "@lobule/data";
import { readEvaluation } from "@lobule/report";
import { RunFolder, runProgressOf } from "@lobule/train";
import { isLocked, removeFolder, unzipFolder, zipFolder } from "@lobule/web";
import type { Means } from "./means.js";
import { newPath, runsFolder } from "./names.js";

/** A run that this browser has. */
export interface RunEntry {
  readonly name: string;
  readonly path: string;
  /** How far it is, such as "epoch 3 of 10, interrupted", that a tab of this browser trains it, or why that cannot be said. */
  readonly progress: string;
  readonly finished: boolean;
  /** Whether it has weights that can be used. */
  readonly usable: boolean;
  /** Whether it was measured on the cases that it held out. */
  readonly measured: boolean;
  /** What is wrong with the figures that are kept; undefined where they are sound or there are none. */
  readonly damage: string | undefined;
  readonly hasReport: boolean;
  /** The folder of its data, here or where it was begun; undefined where it does not say. */
  readonly data: string | undefined;
}

/** The runs that this browser has: they are listed, taken in, taken out and removed. */
export class Runs {
  constructor(private readonly means: Means) {}

  /** All of them, by name. A damaged one is listed with what is wrong with it. */
  async list(): Promise<readonly RunEntry[]> {
    const storage = await this.means.storage();
    if (!(await exists(storage, runsFolder))) return [];
    const names = (await storage.list(runsFolder)).toSorted();
    return Promise.all(names.map((name) => entryOf(storage, name)));
  }

  /** A run as a zip archive, which `lobule train --resume` continues once it is unpacked. */
  async zip(path: string): Promise<Uint8Array<ArrayBuffer>> {
    return zipFolder(await this.means.storage(), path);
  }

  /**
   * Takes a run in.
   * @param archive a zip of its folder.
   * @param name under which it is kept; a number is added where there is one of that name.
   * @throws DataError, RunError where it is no run's; nothing of it is left then.
   */
  async unzip(archive: Blob, name: string): Promise<RunEntry> {
    const storage = await this.means.storage();
    const path = await newPath(storage, runsFolder, name);
    try {
      await unzipFolder(storage, new Uint8Array(await archive.arrayBuffer()), path, "config.json");
      await RunFolder.open(storage, path);
    } catch (error) {
      await removeFolder(path).catch(() => undefined);
      if (!(error instanceof DataError)) throw error;
      throw new DataError(`“${name}” is no zip of a run folder: ${error.message}`);
    }
    return entryOf(storage, path.slice(runsFolder.length + 1));
  }

  /** @throws LockError while a tab trains it. */
  async remove(path: string): Promise<void> {
    const lock = await lockRun(await this.means.storage(), path);
    try {
      await removeFolder(path);
    } finally {
      await lock.release();
    }
  }

  /** The run's report, a page of its own. @throws FileReadError where it has none. */
  async report(path: string): Promise<string> {
    return readText(await this.means.storage(), joinPath(path, "report.html"), "record");
  }
}

const lockPath = (path: string): string => joinPath(path, "run.lock");

/** Takes the lock that every tab holds while it trains a run. @throws LockError where another has it. */
export const lockRun = (storage: Storage, path: string, signal?: AbortSignal): Promise<StorageLock> =>
  storage.lock(lockPath(path), {
    doing: `trains ${path.slice(path.lastIndexOf("/") + 1)}`,
    unlock: "close the other tab",
    ...(signal === undefined ? {} : { signal }),
  });

async function entryOf(storage: Storage, name: string): Promise<RunEntry> {
  const path = joinPath(runsFolder, name);
  const has = (...below: string[]): Promise<boolean> => exists(storage, joinPath(path, ...below));
  const figures = await figuresOf(storage, path);
  const hasReport = await has("report.html");
  const now = (await isLocked(lockPath(path))) ? "is being trained in a tab of this browser" : undefined;
  try {
    const folder = await RunFolder.open(storage, path);
    const { text, finished } = await runProgressOf(folder);
    const usable = (await folder.hasCheckpoint("best")) || (await folder.hasCheckpoint("last"));
    return {
      name,
      path,
      ...figures,
      hasReport,
      usable,
      finished,
      progress: now ?? text,
      data: dataOf(folder.config),
    };
  } catch (error) {
    const progress = now ?? (error instanceof Error ? error.message : String(error));
    return { name, path, ...figures, hasReport, progress, usable: false, finished: false, data: undefined };
  }
}

/** Whether a run was measured, and what is wrong with the figures that it has. */
export async function figuresOf(storage: Storage, path: string): Promise<Pick<RunEntry, "measured" | "damage">> {
  try {
    await readEvaluation(storage, path);
    return { measured: true, damage: undefined };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const missing = error instanceof FileReadError && error.missing;
    return { measured: false, damage: missing ? undefined : error.message };
  }
}

/** The folder of a run's data by its config.json, here or where it was begun; undefined where it does not say. */
export const dataOf = (config: unknown): string | undefined =>
  typeof config === "object" && config !== null && "data" in config && typeof config.data === "string"
    ? config.data
    : undefined;
