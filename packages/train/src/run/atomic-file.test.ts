import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, mkdir, open, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { describe, expect, test, vi } from "vitest";
import { FileWriteError, writeFileAtomically } from "./atomic-file.js";
import { temporaryFolder } from "./testing.js";

/** A Node process that has `writeFileAtomically` and runs `script`. */
async function child(folder: string, script: string): Promise<ChildProcess> {
  const bundle = join(folder, "child.mjs");
  await build({
    stdin: {
      contents: `import { writeFileAtomically } from "./atomic-file.ts"; import { open } from "node:fs/promises"; ${script}`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    outfile: bundle,
    bundle: true,
    platform: "node",
    format: "esm",
  });
  return spawn(process.execPath, [bundle], { stdio: ["ignore", "pipe", "inherit"] });
}

/** The prototype of file handles, where calls can be made to fail. */
async function fileHandle(folder: string): Promise<FileHandle> {
  const handle = await open(join(folder, "probe"), "w");
  await handle.close();
  return Object.getPrototypeOf(handle);
}

const systemError = (code: string): Error => Object.assign(new Error(`${code}: as the system says it`), { code });

describe("writeFileAtomically", () => {
  test("makes and replaces a file and leaves nothing else", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(path, "first");
    await writeFileAtomically(path, new Uint8Array([1, 2, 3]));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(["file"]);
  });

  test("a full disk: one sentence, the old content, no left-overs", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(path, "old");
    const prototype = await fileHandle(folder);
    for (const call of ["writeFile", "sync"] as const) {
      const mock = vi.spyOn(prototype, call).mockRejectedValueOnce(systemError("ENOSPC"));
      const attempt = writeFileAtomically(path, "new content");
      await expect(attempt).rejects.toThrow(FileWriteError);
      await expect(attempt).rejects.toThrow(`cannot write ${path}: the disk is full; what it held before is untouched`);
      mock.mockRestore();
      expect(await readFile(path, "utf8")).toBe("old");
      expect((await readdir(folder)).sort()).toEqual(["file", "probe"]);
    }
  });

  test("a place that cannot be written is named, with the reason in words", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await mkdir(join(folder, "folder"));
    await expect(writeFileAtomically(join(folder, "none", "a"), "")).rejects.toThrow(/no such file or folder/);
    await expect(writeFileAtomically(join(folder, "file", "a"), "")).rejects.toThrow(/a part of the path is a file/);
    await expect(writeFileAtomically(join(folder, "folder"), "")).rejects.toThrow(/it is a folder/);
  });

  test("a process killed after writing and before renaming leaves the old file, and the next write succeeds", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(path, "old");
    const process = await child(
      folder,
      `const probe = await open(${JSON.stringify(join(folder, "probe"))}, "w");
       Object.getPrototypeOf(probe).sync = () => process.kill(process.pid, "SIGKILL");
       await writeFileAtomically(${JSON.stringify(path)}, "new");`,
    );
    expect(await once(process, "exit")).toEqual([null, "SIGKILL"]);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readFile(join(folder, ".file.partial"), "utf8")).toBe("new");
    await writeFileAtomically(path, "newer");
    expect(await readFile(path, "utf8")).toBe("newer");
    expect(await readdir(folder)).not.toContain(".file.partial");
  });

  test("a process killed at any moment of many writes leaves one of them whole", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    for (const milliseconds of [1, 7, 20, 45]) {
      const process = await child(
        folder,
        `await writeFileAtomically(${JSON.stringify(path)}, Buffer.alloc(3_000_000, 0));
         console.log("begun");
         for (let i = 1; ; i++) await writeFileAtomically(${JSON.stringify(path)}, Buffer.alloc(3_000_000, i % 256));`,
      );
      if (process.stdout !== null) await once(process.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      process.kill("SIGKILL");
      await once(process, "exit");
      const bytes = await readFile(path);
      expect(bytes.length).toBe(3_000_000);
      expect(bytes.every((byte) => byte === bytes[0])).toBe(true);
    }
  });
});
