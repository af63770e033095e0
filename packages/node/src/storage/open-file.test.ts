import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, open, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileReadError, readBytes, readJson, readText } from "@lobule/data";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nodeStorage } from "./node-storage.js";
import { openRegularFile } from "./open-file.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-read-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Nothing here may wait for somebody else. */
const soon = { timeout: 5000 };

describe("what is no regular file is refused at once", soon, () => {
  test("a folder, a device without end, a missing file, a path through a file", async () => {
    const file = await written("file", "text");
    await expect(readBytes(nodeStorage, folder, "record")).rejects.toThrow(`${folder} is a folder, not a regular file`);
    await expect(readBytes(nodeStorage, "/dev/zero", "record")).rejects.toThrow(
      "/dev/zero is a device, not a regular file",
    );
    await expect(readText(nodeStorage, "/dev/tty", "record")).rejects.toThrow(FileReadError);
    for (const path of [join(folder, "gone"), join(file, "below")])
      await expect(readText(nodeStorage, path, "record")).rejects.toMatchObject({
        message: `${path} is missing`,
        missing: true,
      });
  });

  test("a pipe that nobody writes to, and a link to it", async () => {
    const [pipe, link] = [join(folder, "pipe"), join(folder, "link")];
    execFileSync("mkfifo", [pipe]);
    await symlink(pipe, link);
    for (const path of [pipe, link])
      await expect(openRegularFile(path)).rejects.toThrow(`${path} is a pipe, not a regular file`);
  });

  test("a socket", async () => {
    const path = join(folder, "socket");
    const server = createServer().listen(path);
    await new Promise((listening) => server.once("listening", listening));
    await expect(readJson(nodeStorage, path, "record")).rejects.toThrow(`${path} is a socket, not a regular file`);
    await new Promise((closed) => server.close(closed));
  });

  test("files of the system that say they are empty hold nothing", async () => {
    expect(await readBytes(nodeStorage, "/proc/self/status", "record")).toHaveLength(0);
    await expect(readJson(nodeStorage, "/proc/self/pagemap", "record")).rejects.toThrow(
      "is empty, where JSON is expected",
    );
  });
});

describe("what is read as a whole", () => {
  test("is as long as its kind may be, and is not read where it is longer", async () => {
    const path = join(folder, "sparse");
    const file = await open(path, "w");
    await file.truncate(16 * 2 ** 20 + 1);
    await file.close();
    await expect(readText(nodeStorage, path, "description")).rejects.toThrow(
      `${path} has 16 MiB, more than the 16 MiB it may have`,
    );
    expect(await readBytes(nodeStorage, path, "record")).toHaveLength(16 * 2 ** 20 + 1);
    const huge = await open(path, "w");
    await huge.truncate(2 ** 40);
    await huge.close();
    await expect(readBytes(nodeStorage, path, "tensors")).rejects.toThrow(
      "has 1,048,576 MiB, more than the 4,096 MiB it may have",
    );
  });

  test("text is UTF-8, with or without a byte order mark", async () => {
    expect(await readText(nodeStorage, await written("text", "\uFEFFVenæ\r\n"), "description")).toBe("Venæ\r\n");
    const path = await written("latin", Uint8Array.of(0x7b, 0xe6, 0x7d));
    await expect(readText(nodeStorage, path, "description")).rejects.toThrow(`${path} is no text in UTF-8`);
  });

  test("JSON", async () => {
    expect(await readJson(nodeStorage, await written("a.json", '\uFEFF{"a": [1, 2]}\n'), "description")).toEqual({
      a: [1, 2],
    });
    const path = await written("b.json", '{\n  "a": 01\n}');
    await expect(readJson(nodeStorage, path, "description")).rejects.toThrow(
      `${path} is not valid JSON: unexpected "1" at line 2, column 9`,
    );
  });
});

describe("a folder is made", soon, () => {
  test("with those above it, also twice at a time", async () => {
    const path = join(folder, "a", "b", "c");
    await Promise.all([
      nodeStorage.makeFolder(path),
      nodeStorage.makeFolder(join(folder, "a", "b")),
      nodeStorage.makeFolder(path),
    ]);
    expect(await nodeStorage.makeFolder(path)).toBeUndefined();
    expect(await nodeStorage.makeFolder(join(path, "d", "e"))).toBe(join(path, "d"));
    expect(await written("a/b/c/d/e/file", "")).toContain("e");
  });

  test("or refused: over a file, below a file, in a file system of the system", async () => {
    await expect(nodeStorage.makeFolder(await written("taken", ""))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(nodeStorage.makeFolder(join(folder, "taken", "below"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(nodeStorage.makeFolder("/proc/lobule/run")).rejects.toMatchObject({ code: "ENOENT" });
    await mkdir(join(folder, "dangling"));
    await symlink(join(folder, "nowhere"), join(folder, "dangling", "link"));
    await expect(nodeStorage.makeFolder(join(folder, "dangling", "link"))).rejects.toMatchObject({ code: "ENOTDIR" });
  });
});
