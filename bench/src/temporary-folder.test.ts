import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TemporaryFolder } from "./temporary-folder.js";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "lobule-temporary-"));
});
afterAll(() => rmSync(root, { recursive: true }));

test("a folder is gone with all that is in it when the process exits before it is removed", async () => {
  const before = process.listeners("exit");
  const folder = await TemporaryFolder.make("a-", root);
  writeFileSync(join(folder.path, "file"), "content");
  const [atExit, ...others] = process.listeners("exit").filter((each) => !before.includes(each));
  expect(others).toEqual([]);
  atExit?.(130);
  expect(existsSync(folder.path)).toBe(false);
  await folder.remove();
  expect(process.listeners("exit")).toEqual(before);
});

test("a place where none can be made is named, with the reason", async () => {
  const nowhere = join(root, "nowhere");
  await expect(TemporaryFolder.make("a-", nowhere)).rejects.toThrow(
    `no folder can be made in ${nowhere}: there is no such file or folder`,
  );
});
