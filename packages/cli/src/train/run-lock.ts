import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { RunError } from "@lobule/train";

/** Keeps a second process out of a run folder until {@link RunLock.release}. */
export interface RunLock {
  release(): Promise<void>;
}

/** Whether a process of this machine is there, be it somebody else's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Takes the lock of a run folder, `run.lock`, which names the process that trains it. One left by a process that was
 * killed is taken over.
 * @throws RunError when a process trains this run now.
 */
export async function lockRun(directory: string): Promise<RunLock> {
  const path = join(directory, "run.lock");
  const mine = `${process.pid} ${hostname()}\n`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(mine);
      await file.close();
      return { release: () => rm(path, { force: true }) };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") {
        throw new RunError(`${directory} is no run folder; give the folder that 'lobule train --out' made`);
      }
      if (code !== "EEXIST") throw new RunError(`cannot lock ${directory}: ${message}; is the folder writable?`);
    }
    const [pid = "", host = ""] = (await readFile(path, "utf8").catch(() => "")).trim().split(" ");
    const elsewhere = host !== "" && host !== hostname();
    // A file without a number is what a kill while it was made leaves.
    const number = Number.parseInt(pid, 10);
    if (elsewhere || (number > 0 && isAlive(number))) {
      throw new RunError(
        `process ${pid}${elsewhere ? ` on ${host}` : ""} trains ${directory} now; wait for it or stop it${elsewhere ? `, and if it is gone delete ${path}` : ""}`,
      );
    }
    await rm(path, { force: true });
  }
  throw new RunError(`cannot lock ${directory}: another process took it; wait for it or stop it`);
}
