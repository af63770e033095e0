import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  type FileHandle,
  link,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { FileWriteError, writeFileAtomically } from "@lobule/data";
import { build } from "esbuild";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { nodeStorage } from "./node-storage.js";
import { PartialFile, removeLeftOvers, removePartialsOfThreads } from "./partial-file.js";

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-files-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A Node process that has `writeFileAtomically` and runs `script`. */
async function child(folder: string, script: string): Promise<ChildProcess> {
  const bundle = join(folder, "child.mjs");
  await build({
    stdin: {
      contents: `
        import { writeFileAtomically } from "@lobule/data";
        import { nodeStorage } from "./node-storage.ts";
        import { open } from "node:fs/promises";
        ${script}`,
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
    await writeFileAtomically(nodeStorage, path, "first");
    await writeFileAtomically(nodeStorage, path, new Uint8Array([1, 2, 3]));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await readdir(folder)).toEqual(["file"]);
  });

  test("a full disk: one sentence, the old content, no left-overs", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(nodeStorage, path, "old");
    const prototype = await fileHandle(folder);
    for (const call of ["writeFile", "sync"] as const) {
      const mock = vi.spyOn(prototype, call).mockRejectedValueOnce(systemError("ENOSPC"));
      const attempt = writeFileAtomically(nodeStorage, path, "new content");
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
    await expect(writeFileAtomically(nodeStorage, join(folder, "none", "a"), "")).rejects.toThrow(
      /no such file or folder/,
    );
    await expect(writeFileAtomically(nodeStorage, join(folder, "file", "a"), "")).rejects.toThrow(
      /a part of the path is a file/,
    );
    await expect(writeFileAtomically(nodeStorage, join(folder, "folder"), "")).rejects.toThrow(/it is a folder/);
  });

  test("a process killed after writing and before renaming leaves the old file, and the next write succeeds", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    await writeFileAtomically(nodeStorage, path, "old");
    const process = await child(
      folder,
      `const probe = await open(${JSON.stringify(join(folder, "probe"))}, "w");
       Object.getPrototypeOf(probe).sync = () => process.kill(process.pid, "SIGKILL");
       await writeFileAtomically(nodeStorage, ${JSON.stringify(path)}, "new");`,
    );
    expect(await once(process, "exit")).toEqual([null, "SIGKILL"]);
    expect(await readFile(path, "utf8")).toBe("old");
    const [left = ""] = (await readdir(folder)).filter((name) => name.endsWith(".partial"));
    expect(await readFile(join(folder, left), "utf8")).toBe("new");
    await writeFileAtomically(nodeStorage, path, "newer");
    expect(await readFile(path, "utf8")).toBe("newer");
    // This process has looked through the folder before; the next to come does.
    await removeLeftOvers(folder);
    expect((await readdir(folder)).sort()).toEqual(["child.mjs", "file", "probe"]);
  });

  test("a process killed at any moment of many writes leaves one of them whole", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    for (const milliseconds of [1, 7, 20, 45]) {
      const process = await child(
        folder,
        `await writeFileAtomically(nodeStorage, ${JSON.stringify(path)}, Buffer.alloc(3_000_000, 0));
         console.log("begun");
         for (let i = 1; ; i++) await writeFileAtomically(nodeStorage, ${JSON.stringify(path)}, Buffer.alloc(3_000_000, i % 256));`,
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

  test("writes nothing through symbolic links and hard links", async () => {
    const folder = await temporaryFolder();
    const [path, other] = [join(folder, "file"), join(folder, "other")];
    await writeFile(other, "precious");
    for (const make of [symlink, link]) {
      await make(other, path);
      await writeFileAtomically(nodeStorage, path, "new");
      expect([await readFile(path, "utf8"), await readFile(other, "utf8")]).toEqual(["new", "precious"]);
      expect((await lstat(path)).isSymbolicLink()).toBe(false);
      await rm(path);
    }
  });

  test("the temporary file's name cannot be foreseen, and a link in its place is not followed", async () => {
    const folder = await temporaryFolder();
    const names = new Set<string>();
    for (let i = 0; i < 20; i++) {
      const file = await PartialFile.create(join(folder, "file"));
      const [name = ""] = await readdir(folder);
      expect(name).toMatch(/^\.lobule-[0-9a-f]{8}-\d+-\d+-[0-9a-f]{24}\.partial$/);
      names.add(name.slice(-32));
      await file.discard();
    }
    expect(names.size).toBe(20);
    expect(await readdir(folder)).toEqual([]);
    const earlier = [".file.partial", `file.${process.pid}.partial`, `file.${process.pid}-0.partial`, "file.partial"];
    for (const name of earlier) await symlink("/etc/hostname", join(folder, name));
    await writeFileAtomically(nodeStorage, join(folder, "file"), "new");
    for (const name of earlier) expect(await readlink(join(folder, name))).toBe("/etc/hostname");
  });

  test("keeps the permissions of the file it replaces; a new one has those of the umask", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "file");
    const before = process.umask(0o027);
    try {
      await writeFileAtomically(nodeStorage, path, "new");
      expect((await stat(path)).mode & 0o777).toBe(0o640);
      for (const mode of [0o600, 0o444, 0o664, 0o755]) {
        await chmod(path, mode);
        await writeFileAtomically(nodeStorage, path, "newer");
        expect((await stat(path)).mode & 0o777).toBe(mode);
      }
      if (process.getuid?.() === 0) {
        await chown(path, 1234, 2345);
        await writeFileAtomically(nodeStorage, path, "newest");
        expect(await stat(path)).toMatchObject({ uid: 1234, gid: 2345 });
      }
    } finally {
      process.umask(before);
    }
  });

  test("a device, a pipe and a folder are refused, also behind a link, and stay what they are", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "link");
    await symlink("/dev/null", path);
    await expect(writeFileAtomically(nodeStorage, path, "x")).rejects.toThrow(
      `cannot write ${path}: it is a device or a pipe, not a file; what it held before is untouched`,
    );
    expect(await readlink(path)).toBe("/dev/null");
    await rm(path);
    await symlink(folder, path);
    await expect(writeFileAtomically(nodeStorage, path, "x")).rejects.toThrow("it is a folder");
    expect(await readdir(folder)).toEqual(["link"]);
  });

  test("a name of the greatest length is written, and a longer one is named as such", async () => {
    const folder = await temporaryFolder();
    await writeFileAtomically(nodeStorage, join(folder, "n".repeat(255)), "x");
    expect(await readdir(folder)).toEqual(["n".repeat(255)]);
    await expect(writeFileAtomically(nodeStorage, join(folder, "n".repeat(256)), "x")).rejects.toThrow(
      "the name is too long",
    );
    expect(await readdir(folder)).toEqual(["n".repeat(255)]);
  });
});

describe("left-overs", () => {
  const random = "0123456789abcdef01234567";
  /** A process that is not there: numbers end at 4,194,304. */
  const gone = 999_999_999;

  async function partialOf(folder: string, change: (name: string) => string, seconds?: number): Promise<string> {
    const file = await PartialFile.create(join(folder, "x"));
    const [own = ""] = (await readdir(folder)).filter((name) => name.includes(`-${process.pid}-`));
    await file.discard();
    const name = change(own.replace(/[0-9a-f]{24}/, random));
    await writeFile(join(folder, name), "x");
    if (seconds !== undefined) await utimes(join(folder, name), seconds, seconds);
    return name;
  }

  const now = (): number => Date.now() / 1000;
  const ofProcess = (pid: number) => (name: string) => name.replace(`-${process.pid}-`, `-${pid}-`);
  const elsewhere = (name: string): string => name.replace(/lobule-[0-9a-f]{8}/, "lobule-00000000");

  test.each([
    ["of a process that is gone", ofProcess(gone), undefined, false],
    ["of a process that is there", ofProcess(process.ppid), undefined, true],
    ["of a process that is there, a day old", ofProcess(process.ppid), now() - 90_000, false],
    ["of this process", ofProcess(process.pid), undefined, true],
    ["of one before this with its number, as in a container", ofProcess(process.pid), now() - 80_000, false],
    ["of another machine", elsewhere, undefined, true],
    ["of another machine, a day old", elsewhere, now() - 90_000, false],
    ["a file of somebody else's", () => "x.partial", now() - 90_000, true],
  ])("%s", async (_, change, seconds, kept) => {
    const folder = await temporaryFolder();
    const name = await partialOf(folder, change, seconds);
    await removeLeftOvers(folder);
    expect(await readdir(folder)).toEqual(kept ? [name] : []);
  });

  test("are removed by the first write into a folder", async () => {
    const [folder, model] = [await temporaryFolder(), await temporaryFolder()];
    const name = await partialOf(model, ofProcess(gone));
    await writeFile(join(folder, name), "x");
    await writeFileAtomically(nodeStorage, join(folder, "file"), "x");
    expect(await readdir(folder)).toEqual(["file"]);
  });

  test("of threads that were stopped", async () => {
    const folder = await temporaryFolder();
    await partialOf(folder, (name) => name.replace("-0-", "-7-"));
    const other = await partialOf(folder, (name) => name.replace("-0-", "-8-"));
    await removePartialsOfThreads(folder, new Set([7]));
    expect(await readdir(folder)).toEqual([other]);
  });

  test("a folder that cannot be read is no reason to write nothing", async () => {
    await expect(removeLeftOvers("/nonexistent/folder")).resolves.toBeUndefined();
  });
});
