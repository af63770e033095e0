import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commands } from "../commands.js";
import { requireOutputs } from "./writable-outputs.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-outputs-"));
  await writeFile(join(root, "file"), "");
  await mkdir(join(root, "folder"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const outputs = commands.flatMap(({ name, options, positionals }) =>
  Object.entries({ ...options, ...positionals }).flatMap(([option, each]) =>
    each.path === undefined || each.path === "input"
      ? []
      : [{ title: `${name} ${option}`, key: option, use: each.path, command: { options, positionals } }],
  ),
);

describe.each(outputs)("$title", ({ key, use, command }) => {
  const check = (...path: string[]) => requireOutputs(command, { [key]: join(root, ...path) });

  test("is taken where it can be written, and nothing is left there", async () => {
    await check("folder", "new");
    if (use !== "file") await check("folder", "a", "b", "c");
    expect(await readdir(join(root, "folder"))).toEqual([]);
  });

  test("is refused by name within a file, and where nothing can be made", async () => {
    await expect(check("file", "new")).rejects.toThrow(new RegExp(`^(--)?${key}: .*is a file`, "i"));
    await expect(requireOutputs(command, { [key]: "/proc/lobule-new" })).rejects.toThrow(/nothing can be written into/);
  });

  test("is refused where the other kind is in its place", async () => {
    if (use === "file") await expect(check("folder")).rejects.toThrow("is a folder; name a file");
    if (use === "folder") await expect(check("file")).rejects.toThrow(/is a file; name a folder/);
    if (use === "file") await expect(check("none", "new")).rejects.toThrow("make it, or name another file");
  });
});
