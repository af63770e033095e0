// Races of several processes for one lock: of all that try, one must get it.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownIdentity } from "../../packages/node/dist/lock/process-identity.js";

const racer = new URL("./lock-racer.mjs", import.meta.url);

/** Sends a racer a command and waits for its answer. */
function ask(child, message) {
  return new Promise((resolve) => {
    const onExit = () => resolve("ended");
    child.on("message", function listen({ answer }) {
      if (answer === undefined) return;
      child.off("message", listen);
      child.off("exit", onExit);
      resolve(answer);
    });
    child.once("exit", onExit);
    child.send(message);
  });
}

/** What a killed process leaves. */
async function staleLock() {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return (token) =>
    `${JSON.stringify({ format: "lobule-lock-1", token, ...ownIdentity(), pid: child.pid, started: "1" })}\n`;
}

/**
 * @param rounds how often so many processes try at once.
 * @param stale whether a killed process's lock is there each time.
 * @returns failures, a line each.
 */
export async function raceForLock({ rounds, processes, stale }) {
  const folder = await mkdtemp(join(tmpdir(), "lobule-race-"));
  const path = join(folder, "run.lock");
  const lockLeft = await staleLock();
  const children = Array.from({ length: processes }, () => fork(racer));
  const failures = [];
  try {
    for (let round = 0; round < rounds; round++) {
      if (stale) await writeFile(path, lockLeft(round.toString(16).padStart(32, "0")));
      const at = Date.now() + 2;
      const answers = await Promise.all(children.map((child) => ask(child, { command: "take", path, at })));
      const holders = answers.filter((answer) => answer === "held").length;
      if (holders !== 1 || answers.some((answer) => answer !== "held" && answer !== "refused")) {
        failures.push(`round ${round}, ${stale ? "stale" : "fresh"}: ${answers.join(", ")}`);
      }
      await Promise.all(children.map((child) => ask(child, { command: "release" })));
      const left = await readdir(folder);
      if (left.length > 0) failures.push(`round ${round}: left ${left.join(", ")}`);
    }
  } finally {
    for (const child of children) child.kill();
    await rm(folder, { recursive: true, force: true });
  }
  return failures;
}

/**
 * Processes that take and release a lock again and again, while one of them is killed now and then and replaced.
 * @returns how often the lock was held, how many were killed, failures.
 */
export async function churnLock({ turns, processes, kills, random }) {
  const folder = await mkdtemp(join(tmpdir(), "lobule-churn-"));
  const path = join(folder, "run.lock");
  const failures = [];
  let [held, killed] = [0, 0];
  const live = new Set();
  const one = async () => {
    for (;;) {
      const child = fork(racer);
      live.add(child);
      child.on("message", ({ turn }) => {
        if (turn !== undefined) held++;
      });
      const answer = await ask(child, { command: "churn", path, turns });
      live.delete(child);
      child.kill("SIGKILL");
      if (answer === "ended") continue;
      if (answer !== "done") failures.push(answer);
      return;
    }
  };
  let over = false;
  const killing = (async () => {
    while (!over && killed < kills) {
      await new Promise((resolve) => setTimeout(resolve, 100 + 200 * random()));
      const children = [...live];
      const child = children[Math.floor(random() * children.length)];
      if (child === undefined || over) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      killed++;
    }
  })();
  await Promise.all(Array.from({ length: processes }, one));
  over = true;
  await killing;
  await rm(folder, { recursive: true, force: true });
  return { held, killed, failures };
}
