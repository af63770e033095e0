import { rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { commandText, reason } from "@lobule/data";
import { FolderLock, type LockOptions, nodeStorage } from "@lobule/node";
import { RunError } from "@lobule/train";
import { requestStop } from "../shared/interruption.js";
import { warn } from "../shared/output.js";

/** The lock of a run folder. */
export const runLockPath = (directory: string): string => join(directory, "run.lock");

/** What the lock of a run stands for. */
export const runLockWords = (directory: string): Pick<LockOptions, "doing" | "unlock"> => ({
  doing: `trains ${directory}`,
  unlock: commandText("unlock", directory, "--force"),
});

/**
 * Takes the lock of a run folder, so that no second process trains the run. Losing it stops the work under way.
 * @throws LockError when a process trains this run now.
 */
export const lockRun = (directory: string, signal: AbortSignal): Promise<FolderLock> =>
  FolderLock.take(runLockPath(directory), {
    ...runLockWords(directory),
    signal,
    note: (line) => warn(line),
    onLost: () => requestStop({ exitCode: 1, because: `another process has taken ${directory}` }),
  });

/**
 * Makes the folder of a new run where it is missing, and locks it.
 * @returns the lock's release, after which a folder that was made and is empty is gone again.
 * @throws RunError when the folder cannot be made, LockError as {@link lockRun}.
 */
export async function lockNewRun(
  directory: string,
  signal: AbortSignal,
): Promise<Pick<FolderLock, "check" | "release">> {
  const first = await nodeStorage.makeFolder(directory).catch((error: unknown) => {
    throw new RunError(`cannot make the run folder ${directory}: ${reason(error)}; name another with --out`);
  });
  const lock = await lockRun(directory, signal);
  return {
    check: () => lock.check(),
    release: async () => {
      await lock.release();
      if (first !== undefined) await removeEmpty(resolve(directory), resolve(first));
    },
  };
}

/** Removes a folder and those above it up to `first`, as far as they are empty. */
async function removeEmpty(directory: string, first: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch {
    return;
  }
  if (directory !== first) await removeEmpty(dirname(directory), first);
}
