import { stat } from "node:fs/promises";
import { RunError } from "@lobule/train";
import type { CommandModule } from "yargs";
import { experimentLockPath, experimentLockWords } from "../experiment/experiment-lock.js";
import { removeLock } from "../shared/folder-lock.js";
import { say } from "../shared/output.js";
import { runLockPath, runLockWords } from "./run-lock.js";

interface UnlockArguments {
  readonly folder: string;
  readonly force: boolean;
}

/** `lobule unlock FOLDER`: removes the lock of a run or an experiment whose process is gone. */
export const unlockCommand: CommandModule<object, UnlockArguments> = {
  command: "unlock <folder>",
  describe: "Remove the lock that a process left in a run's or an experiment's folder",
  builder: (parser) =>
    parser
      .positional("folder", { type: "string", demandOption: true, describe: "folder of a run or an experiment" })
      .option("force", { type: "boolean", default: false, describe: "also of a process that runs" })
      .example("$0 unlock runs/liver", "tells whose lock it is; refuses if the process runs") as never,
  handler: async ({ folder, force }) => {
    const found = await stat(folder).catch(() => undefined);
    if (found === undefined || !found.isDirectory()) {
      throw new RunError(`${folder}: there is no such folder; give that of a run or an experiment`);
    }
    let locked = false;
    for (const [path, words] of [
      [runLockPath(folder), runLockWords(folder)],
      [experimentLockPath(folder), experimentLockWords(folder)],
    ] as const) {
      const owner = await removeLock(path, { ...words, force });
      if (owner === undefined) continue;
      say(`removed ${path}, the lock of ${owner}`);
      locked = true;
    }
    if (!locked) say(`${folder} is not locked`);
  },
};
