import {
  baseName,
  type CaseVerification,
  exists,
  joinPath,
  type PhantomOptions,
  readDecathlon,
  type Storage,
  verifyDecathlon,
  writePhantom,
} from "@lobule/data";
import { removeFolder } from "@lobule/web";
import type { DroppedFile } from "../parts/dropped-files.js";
import { signalOf, type Watcher } from "../parts/long-call.js";
import { bytesIn, foldersIn, requireSpace } from "./browser-files.js";
import { unlessUsed } from "./data-in-use.js";
import { copyFile, filesOfTask } from "./import-task.js";
import type { Means } from "./means.js";
import { newPath } from "./names.js";

/** A Decathlon folder that this browser keeps. */
export interface TaskSummary {
  readonly name: string;
  /** Labeled cases; undefined where the copy was not finished. */
  readonly cases: number | undefined;
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  readonly bytes: number;
}

/** What was found out about a task before it is trained on. */
export interface VerifiedTask {
  readonly name: string;
  readonly classes: readonly string[];
  readonly cases: readonly CaseVerification[];
  readonly notes: readonly string[];
}

/** How far something with many parts is. */
export interface Done {
  readonly done: number;
  readonly all: number;
}

const dataFolder = "/data";

/** Where the data of a name are. */
export const taskFolder = (name: string): string => joinPath(dataFolder, name);

/** Where the decoded slices of a task are kept. */
export const cacheOf = (data: string): string => joinPath("/cache", baseName(data));

/** The Decathlon folders that this browser keeps: made, copied, verified, removed. */
export class Tasks {
  constructor(private readonly means: Means) {}

  async list(): Promise<readonly TaskSummary[]> {
    const storage = await this.means.storage();
    const names = await foldersIn(storage, dataFolder);
    return Promise.all(names.map((name) => summaryOf(storage, name)));
  }

  /** Writes a synthetic task. @returns the name under which it is kept. @throws DataError as writePhantom. */
  async makePhantom(options: PhantomOptions, watcher: Watcher<Done>): Promise<string> {
    const storage = await this.means.storage();
    const signal = signalOf(watcher);
    return this.filled(storage, "phantom", async (folder) => {
      const { usage = 0, quota = 0 } = await navigator.storage.estimate();
      const room = { disk: quota - usage };
      await writePhantom(storage, folder, {
        ...options,
        room,
        onProgress: (done, all) => {
          void watcher.progress({ done, all });
          signal.throwIfAborted();
        },
      });
    });
  }

  /**
   * Copies the labeled cases of a Decathlon folder, file by file and piece by piece; images without labels are left out.
   * What was copied is removed where the page cancels, or something fails.
   * @param name under which it is kept, with a number where that is taken.
   * @returns the name under which it is kept.
   * @throws DataError, Error where it is no Decathlon folder, a file is missing, or there is no space.
   */
  async copy(name: string, files: readonly DroppedFile[], watcher: Watcher<Done>): Promise<string> {
    const storage = await this.means.storage();
    const signal = signalOf(watcher);
    const chosen = await filesOfTask(files);
    const all = chosen.reduce((bytes, { file }) => bytes + file.size, 0);
    await requireSpace(all, `A copy of ${name}`);
    return this.filled(storage, name, async (folder) => {
      let done = 0;
      for (const { path, file } of chosen) {
        await copyFile(storage, file, joinPath(folder, path), signal, (bytes) => {
          done += bytes;
          void watcher.progress({ done, all });
        });
      }
    });
  }

  /** Opens every case. @throws DataError where it is no task. */
  async verify(name: string, watcher: Watcher<Done>): Promise<VerifiedTask> {
    const storage = await this.means.storage();
    const signal = signalOf(watcher);
    const task = await readDecathlon(storage, taskFolder(name));
    const cases = await verifyDecathlon(storage, task, {
      concurrency: 1,
      onProgress: (done, all) => {
        void watcher.progress({ done, all });
        signal.throwIfAborted();
      },
    });
    return { name, classes: task.labels, cases, notes: task.notes };
  }

  /**
   * Removes a task and its decoded slices. Runs that were trained on it stay.
   * @throws LockError while it is copied, or a run is trained or measured on it, in this tab or another.
   */
  async remove(name: string): Promise<void> {
    const storage = await this.means.storage();
    await held(storage, name, (folder) =>
      unlessUsed(folder, async () => {
        await removeFolder(folder);
        const cache = cacheOf(folder);
        if (await exists(storage, cache)) await removeFolder(cache);
      }),
    );
  }

  /** Fills a new folder, which is removed again where that fails. */
  private async filled(storage: Storage, name: string, fill: (folder: string) => Promise<void>): Promise<string> {
    const free = baseName(await newPath(storage, dataFolder, name));
    await held(storage, free, async (folder) => {
      try {
        await fill(folder);
      } catch (error) {
        if (await exists(storage, folder)) await removeFolder(folder);
        throw error;
      }
    });
    return free;
  }
}

/** Works on a task's folder while no other tab does. @throws LockError where one does. */
export async function held(storage: Storage, name: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = taskFolder(name);
  const lock = await storage.lock(`${folder}.lock`, {
    doing: `makes or removes ${name}`,
    unlock: "close the other tab",
  });
  try {
    await work(folder);
  } finally {
    await lock.release();
  }
}

async function summaryOf(storage: Storage, name: string): Promise<TaskSummary> {
  const bytes = await bytesIn(storage, taskFolder(name));
  const task = await readDecathlon(storage, taskFolder(name)).catch(() => undefined);
  return { name, cases: task?.cases.length, classes: task?.labels ?? [], bytes };
}
