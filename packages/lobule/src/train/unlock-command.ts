import { stat } from "node:fs/promises";
import { removeLock } from "@lobule/node";
import { RunError } from "@lobule/train";
import { command } from "../command-line/command.js";
import { flag, path, required } from "../command-line/option.js";
import { experimentLockPath, experimentLockWords } from "../experiment/experiment-lock.js";
import { say } from "../shared/output.js";
import { runLockPath, runLockWords } from "./run-lock.js";

/** `lobule unlock FOLDER`: removes the lock of a run or an experiment whose process is gone. */
export const unlockCommand = command({
  name: "unlock",
  describe: "Remove the lock that a process left in a run's or an experiment's folder",
  positionals: { folder: required(path("folder of a run or an experiment", "input", "DIR")) },
  options: { force: flag("remove the lock of a process that still runs, too") },
  examples: [["unlock runs/liver", "tells whose lock it is; refuses if the process runs"]],
  run: async ({ folder, force }) => {
    const found = await stat(folder).catch(() => undefined);
    if (found === undefined || !found.isDirectory()) {
      throw new RunError(`${folder}: there is no such folder; give that of a run or an experiment`);
    }
    let locked = false;
    for (const [lock, words] of [
      [runLockPath(folder), runLockWords(folder)],
      [experimentLockPath(folder), experimentLockWords(folder)],
    ] as const) {
      const owner = await removeLock(lock, { ...words, force });
      if (owner === undefined) continue;
      say(`removed ${lock}, the lock of ${owner}`);
      locked = true;
    }
    if (!locked) say(`${folder} is not locked`);
  },
});
