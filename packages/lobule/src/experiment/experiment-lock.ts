import { join } from "node:path";
import { commandText, reason } from "@lobule/data";
import { FolderLock, type LockOptions, nodeStorage } from "@lobule/node";
import { requestStop } from "../shared/interruption.js";
import { warn } from "../shared/output.js";
import { ExperimentError } from "./experiment-file.js";

/** The lock of an experiment's folder; each of its runs has one of its own besides. */
export const experimentLockPath = (directory: string): string => join(directory, "experiment.lock");

/** What the lock of an experiment stands for. */
export const experimentLockWords = (directory: string): Pick<LockOptions, "doing" | "unlock"> => ({
  doing: `runs the experiment ${directory}`,
  unlock: commandText("unlock", directory, "--force"),
});

/**
 * Makes the folder of an experiment where it is missing, and locks it.
 * @throws ExperimentError when it cannot be made, LockError when a process runs this experiment now.
 */
export async function lockExperiment(directory: string, signal: AbortSignal): Promise<FolderLock> {
  await nodeStorage.makeFolder(directory).catch((error: unknown) => {
    throw new ExperimentError(`cannot make the folder ${directory}: ${reason(error)}; name another by --out`);
  });
  return FolderLock.take(experimentLockPath(directory), {
    ...experimentLockWords(directory),
    signal,
    note: (line) => warn(line),
    onLost: () => requestStop({ exitCode: 1, because: `another process has taken ${directory}` }),
  });
}
