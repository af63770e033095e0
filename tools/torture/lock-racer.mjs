// A process that tries to take a lock whenever its parent says so, and says whether it did; see lock-race.mjs.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LockError } from "../../packages/data/dist/index.js";
import { FolderLock } from "../../packages/node/dist/lock/folder-lock.js";
import { isRunning } from "../../packages/node/dist/lock/process-identity.js";

const options = { doing: "races", unlock: "lobule unlock" };
let held;

const commands = {
  /** Tries once, at a time that all racers are given. */
  async take({ path, at }) {
    while (Date.now() < at);
    held = await FolderLock.take(path, options);
    return "held";
  },
  async release() {
    await held?.release();
    held = undefined;
    return "released";
  },
  /** Takes it again and again. Each holder leaves its number in a folder and looks for those of others. */
  async churn({ path, turns }) {
    const holders = `${path}.holders`;
    const own = join(holders, String(process.pid));
    await mkdir(holders, { recursive: true });
    for (let done = 0; done < turns; ) {
      const lock = await FolderLock.take(path, options).catch((error) => {
        if (!(error instanceof LockError)) throw error;
      });
      if (lock === undefined) continue;
      await writeFile(own, "");
      for (const other of await readdir(holders)) {
        if (Number(other) === process.pid) continue;
        if (await runsOn(Number(other))) return `two holders: ${process.pid} and ${other}`;
        await rm(join(holders, other), { force: true });
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
      await rm(own);
      await lock.release();
      process.send({ turn: ++done });
    }
    return "done";
  },
};

/** Whether a process is still there after a while: a killed one is until its parent has noticed. */
async function runsOn(pid) {
  for (let tries = 0; tries < 100 && isRunning(pid); tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  return isRunning(pid);
}

process.on("message", async ({ command, ...rest }) => {
  try {
    process.send({ answer: await commands[command](rest) });
  } catch (error) {
    process.send({ answer: error instanceof LockError ? "refused" : `failed: ${error.stack}` });
  }
});
