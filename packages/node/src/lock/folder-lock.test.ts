import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { LockError } from "@lobule/data";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FolderLock, type LockOptions, removeLock } from "./folder-lock.js";
import { ownIdentity, type ProcessIdentity } from "./process-identity.js";

const links = vi.hoisted(() => ({ supported: true }));
vi.mock("node:fs/promises", async (original) => {
  const fs = await original<typeof import("node:fs/promises")>();
  const link: typeof fs.link = (from, to) =>
    links.supported ? fs.link(from, to) : Promise.reject(Object.assign(new Error("EPERM"), { code: "EPERM" }));
  return { ...fs, link };
});

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-lock-"));
  path = join(folder, "run.lock");
});
afterEach(async () => {
  links.supported = true;
  await rm(folder, { recursive: true, force: true });
});

const options = (changes: Partial<LockOptions> = {}): LockOptions => ({
  doing: "trains runs/a",
  unlock: "lobule unlock runs/a --force",
  times: { beat: 50, stale: 400 },
  ...changes,
});

/** A lock as a process of this identity leaves it. */
const lockOf = (changes: Partial<ProcessIdentity>, token = "0".repeat(32)): string =>
  `${JSON.stringify({ format: "lobule-lock-1", token, ...ownIdentity(), ...changes })}\n`;

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  return child.pid ?? 0;
}

const age = (seconds: number): Promise<void> => utimes(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);

describe("a lock", () => {
  test("names its process, keeps a second one out, and is gone after its release with all that was made for it", async () => {
    const lock = await FolderLock.take(path, options());
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ format: "lobule-lock-1", ...ownIdentity() });
    const second = FolderLock.take(path, options());
    await expect(second).rejects.toThrow(LockError);
    await expect(second).rejects.toThrow(`process ${process.pid} trains runs/a now; wait for it or stop it`);
    await lock.check();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    await (await FolderLock.take(path, options())).release();
  });

  test.runIf(process.platform === "linux")("of a process that is gone is taken over", async () => {
    const { pid, started } = ownIdentity();
    for (const changes of [
      { pid: await endedProcess() },
      // As after the restart of a container, whose first process has the number 1 again: this number, another start.
      { pid, started: String(Number(started) - 1) },
    ]) {
      await writeFile(path, lockOf(changes));
      const lock = await FolderLock.take(path, options());
      await lock.check();
      await lock.release();
      expect(await readdir(folder)).toEqual([]);
    }
  });

  test.each<[string, Partial<ProcessIdentity>]>([
    ["of another machine", { host: "elsewhere" }],
    ["of this machine before it was started anew", { boot: "another" }],
    ["of another container", { pidNamespace: "pid:[1]" }],
  ])("%s is judged by its signs of life", async (_, changes) => {
    const name = `process ${process.pid}${changes.host === undefined ? "" : " on elsewhere"}`;
    await writeFile(path, lockOf(changes));
    await age(1);
    await (await FolderLock.take(path, options())).release();

    await writeFile(path, lockOf(changes));
    const beating = setInterval(() => void writeFile(path, lockOf(changes)), 20);
    const notes: string[] = [];
    await expect(FolderLock.take(path, options({ note: (line) => notes.push(line) }))).rejects.toThrow(
      `${name} trains runs/a now; wait for it or stop it, and if it is gone: lobule unlock runs/a --force`,
    );
    expect(notes).toEqual([`note: ${name} trains runs/a, or did until lately; waiting up to 1 s for a sign of life`]);
    clearInterval(beating);
    // No more of them, so it is waited for until it counts as gone.
    await new Promise((resolve) => setTimeout(resolve, 30));
    await (await FolderLock.take(path, options())).release();
  });

  test("of a time to come counts as gone when it was seen to be silent for long enough", async () => {
    await writeFile(path, lockOf({ host: "elsewhere" }));
    await age(-3600);
    const started = performance.now();
    await (await FolderLock.take(path, options())).release();
    expect(performance.now() - started).toBeGreaterThan(390);
  });

  test("is waited for no longer than the signal allows", async () => {
    await writeFile(path, lockOf({ host: "elsewhere" }));
    const controller = new AbortController();
    const attempt = FolderLock.take(path, options({ signal: controller.signal, note: () => controller.abort() }));
    await expect(attempt).rejects.toThrow(/abort/i);
  });

  test("of a version that wrote number and host: a running process keeps it, one that has ended does not", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    for (const [text, whose] of [
      [`${child.pid} ${hostname()}\n`, `process ${child.pid}`],
      ["7 elsewhere\n", "process 7 on elsewhere"],
    ]) {
      await writeFile(path, text as string);
      await age(3600);
      await expect(FolderLock.take(path, options())).rejects.toThrow(`${whose} trains runs/a now`);
    }
    child.kill();
    await once(child, "exit");
    await writeFile(path, `${child.pid} ${hostname()}\n`);
    await (await FolderLock.take(path, options())).release();
    // The first process of a container that was started anew finds its own number.
    await writeFile(path, `${process.pid} ${hostname()}\n`);
    await (await FolderLock.take(path, options())).release();
  });

  test.each(["", "{", '{"format":"lobule-lock-1","pid":-4}', "x".repeat(5000)])(
    "that is none (%j) is waited for once, then replaced",
    async (text) => {
      await writeFile(path, text);
      await (await FolderLock.take(path, options())).release();
      expect(await readdir(folder)).toEqual([]);
    },
  );

  test("that was taken over is known to be lost, and is not released", async () => {
    const onLost = vi.fn();
    const lock = await FolderLock.take(path, options({ onLost }));
    await writeFile(path, lockOf({ pid: 77, host: "elsewhere" }));
    await expect(lock.check()).rejects.toThrow(
      `${path} is process 77 on elsewhere's by now, so this process, which trains runs/a, ends without saving`,
    );
    await vi.waitFor(() => expect(onLost).toHaveBeenCalledOnce());
    await lock.release();
    expect(await readFile(path, "utf8")).toContain('"pid":77');
  });

  test("gives signs of life that change nothing but its time", async () => {
    const lock = await FolderLock.take(path, options());
    const before = await readFile(path, "utf8");
    await age(60);
    await vi.waitFor(async () => expect(await removeLockFails()).toMatch(/ now;/), { timeout: 2000 });
    expect(await readFile(path, "utf8")).toBe(before);
    await lock.check();
    await lock.release();
  });
  const removeLockFails = (): Promise<string> =>
    removeLock(path, { ...options(), force: false }).then(
      () => "",
      (error: Error) => error.message,
    );

  test("on a file system without hard links is exclusive as well", async () => {
    links.supported = false;
    const lock = await FolderLock.take(path, options());
    await expect(FolderLock.take(path, options())).rejects.toThrow(/trains runs\/a now/);
    await lock.release();
    await writeFile(path, lockOf({ pid: await endedProcess() }));
    await (await FolderLock.take(path, options())).release();
    expect(await readdir(folder)).toEqual([]);
  });

  test("what killed processes left beside it is removed", async () => {
    const gone = lockOf({ pid: await endedProcess() });
    await writeFile(join(folder, `.run.lock-after-${"1".repeat(32)}`), gone);
    await writeFile(join(folder, ".run.lock-after-mine"), lockOf({}));
    await writeFile(join(folder, "notes"), gone);
    await (await FolderLock.take(path, options())).release();
    expect((await readdir(folder)).sort()).toEqual([".run.lock-after-mine", "notes"]);
  });

  test("whose taker-over was killed in the middle is taken over by the next", async () => {
    const dead = await endedProcess();
    await writeFile(path, lockOf({ pid: dead }, "a".repeat(32)));
    await writeFile(join(folder, `.run.lock-after-${"a".repeat(32)}`), lockOf({ pid: dead }, "b".repeat(32)));
    await writeFile(join(folder, `.run.lock-after-${"b".repeat(32)}`), lockOf({ pid: dead }, "c".repeat(32)));
    await (await FolderLock.take(path, options())).release();
    expect(await readdir(folder)).toEqual([]);
  });

  test("in a folder that is not there or cannot be written: one sentence", async () => {
    await expect(FolderLock.take(join(folder, "none", "run.lock"), options())).rejects.toThrow(
      `cannot lock ${join(folder, "none")}: there is no such file or folder`,
    );
  });
});

describe("removing a lock", () => {
  test("of a running process needs force", async () => {
    const lock = await FolderLock.take(path, options());
    await expect(removeLock(path, { ...options(), force: false })).rejects.toThrow(
      `process ${process.pid} trains runs/a now; stop it, or if it is gone for certain: lobule unlock runs/a --force`,
    );
    expect(await removeLock(path, { ...options(), force: true })).toBe(`process ${process.pid}`);
    await expect(lock.check()).rejects.toThrow(`${path} was removed`);
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  test("of another machine is refused as long as it was heard of lately", async () => {
    await writeFile(path, lockOf({ host: "elsewhere" }));
    await expect(removeLock(path, { ...options(), force: false })).rejects.toThrow(
      /^process \d+ on elsewhere trains runs\/a now \(last sign of life 0 s ago\); stop it/,
    );
    await age(1);
    expect(await removeLock(path, { ...options(), force: false })).toBe(`process ${process.pid} on elsewhere`);
    expect(await removeLock(path, { ...options(), force: false })).toBeUndefined();
    expect(await readdir(folder)).toEqual([]);
  });
});
