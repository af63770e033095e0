import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FolderLock } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";
import { runLockPath, runLockWords } from "./run-lock.js";

const unlock = async (...words: readonly string[]) => {
  const { code, out, err } = await runCommand(["unlock", ...words]);
  return { status: code, said: out + err };
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-unlock-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test("a lock of a running process is named and kept, and removed with --force", async () => {
  const lock = await FolderLock.take(runLockPath(folder), runLockWords(folder));
  expect(await unlock(folder)).toEqual({
    status: 1,
    said: expect.stringMatching(
      new RegExp(
        `^lobule: process ${process.pid} trains ${folder} now; stop it, or if it is gone for certain: .*lobule.js unlock ${folder} --force\n$`,
      ),
    ),
  });
  expect(await unlock(folder, "--force")).toEqual({
    status: 0,
    said: `removed ${join(folder, "run.lock")}, the lock of process ${process.pid}\n`,
  });
  await lock.release();
});

test("locks of killed processes are removed, a run's and an experiment's", async () => {
  for (const name of ["run.lock", "experiment.lock"]) await writeFile(join(folder, name), `${2 ** 22 + 1} ${"gone"}\n`);
  expect((await unlock(folder)).said).toMatch(
    /process 4194305 on gone trains .* now; stop it, or if it is gone for certain/,
  );
  expect((await unlock(folder, "--force")).said).toContain(`removed ${join(folder, "experiment.lock")}`);
  expect(await readdir(folder)).toEqual([]);
});

test("a folder without a lock, and one that is not there, are told", async () => {
  expect(await unlock(folder)).toEqual({ status: 0, said: `${folder} is not locked\n` });
  const none = join(folder, "none");
  expect(await unlock(none)).toEqual({
    status: 1,
    said: `lobule: ${none}: there is no such folder; give that of a run or an experiment\n`,
  });
});
