import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { readDecathlon } from "../decathlon/read-decathlon.js";
import { verifyDecathlon } from "../decathlon/verify-decathlon.js";
import { writePhantom } from "./write-phantom.js";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "phantom-"));
});
afterAll(() => rm(root, { recursive: true }));

const small = { seed: 3, cases: 2, testCases: 1, size: 16, slices: [4, 6] } as const;

/** Every file below a folder with its bytes. */
async function contents(directory: string): Promise<Record<string, string>> {
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const bytes = await Promise.all(
    paths.map(async (path) => [path.slice(directory.length), await readFile(path, "hex")]),
  );
  return Object.fromEntries(bytes);
}

describe("writePhantom", () => {
  it.each([
    ["liver", ["background", "liver", "cancer"]],
    ["vessel", ["background", "Vessel", "Tumour"]],
  ] as const)("writes a %s task that is sound", async (task, labels) => {
    const directory = join(root, task);
    const progress: [number, number][] = [];
    const written = await writePhantom(nodeStorage, directory, {
      ...small,
      task,
      onProgress: (done, all) => progress.push([done, all]),
    });
    const read = await readDecathlon(nodeStorage, directory);
    expect(read.labels).toEqual(labels);
    expect(read.modality).toEqual(["CT"]);
    expect(read.notes).toEqual([]);
    expect(read.cases.map(({ name }) => name)).toEqual(["phantom_001", "phantom_002"]);
    expect(read.testImages).toEqual([join(directory, "imagesTs/phantom_003.nii.gz")]);
    const results = await verifyDecathlon(nodeStorage, read);
    expect(results.flatMap(({ problems }) => problems)).toEqual([]);
    const slices = results.reduce((sum, { shape }) => sum + (shape?.[2] ?? NaN), 0);
    expect(written).toEqual({ directory, cases: 2, testCases: 1, slices });
    expect(progress).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it.each([
    [
      { memory: 16 * 16 * 6 * 17 - 1 },
      "a volume of 16×16×6 voxels takes about 1 MiB of memory, and 1 MiB are free; lower --size or --slices",
    ],
    [
      { disk: 3 * 16 * 16 * 6 * 1.25 - 1 },
      "3 volumes of up to 16×16×6 voxels take about 1 MiB on the disk, and 1 MiB are free; lower --cases, --size or --slices",
    ],
  ])("draws nothing where there is no room: %o", async (room, message) => {
    const directory = join(root, "no room");
    await expect(writePhantom(nodeStorage, directory, { ...small, room })).rejects.toThrow(message);
    await expect(readdir(directory)).rejects.toThrow("ENOENT");
  });

  it("takes no more of the disk than is asked for, with the noise of a scan in every voxel", async () => {
    const directory = join(root, "measured");
    await writePhantom(nodeStorage, directory, { seed: 5, cases: 1, testCases: 0, size: 64, slices: [16, 16] });
    const files = await contents(directory);
    const volumes = Object.entries(files).filter(([name]) => name.endsWith(".nii.gz"));
    const bytes = volumes.reduce((sum, [, hex]) => sum + hex.length / 2, 0);
    expect(bytes / (64 * 64 * 16)).toBeGreaterThan(0.6);
    expect(bytes / (64 * 64 * 16)).toBeLessThan(1.25);
  });

  it("gives the same bytes for the same seed, and a case does not depend on how many there are", async () => {
    const [one, two, three] = [join(root, "one"), join(root, "two"), join(root, "three")];
    await writePhantom(nodeStorage, one, small);
    await writePhantom(nodeStorage, two, small);
    expect(await contents(two)).toEqual(await contents(one));
    await writePhantom(nodeStorage, three, { ...small, cases: 1 });
    expect((await contents(three))["/imagesTr/phantom_001.nii.gz"]).toBe(
      (await contents(one))["/imagesTr/phantom_001.nii.gz"],
    );
    await writePhantom(nodeStorage, two, { ...small, seed: 4, force: true });
    expect(await contents(two)).not.toEqual(await contents(one));
  });

  it("replaces a phantom by force alone, leaving none of its files", async () => {
    const directory = join(root, "again");
    await writePhantom(nodeStorage, directory, small);
    const before = await contents(directory);
    await expect(writePhantom(nodeStorage, directory, { ...small, cases: 1 })).rejects.toThrow(
      "holds a phantom already",
    );
    expect(await contents(directory)).toEqual(before);
    await writePhantom(nodeStorage, directory, { ...small, cases: 1, force: true });
    expect(Object.keys(await contents(directory))).toEqual([
      "/dataset.json",
      "/imagesTr/phantom_001.nii.gz",
      "/imagesTs/phantom_002.nii.gz",
      "/labelsTr/phantom_001.nii.gz",
      "/phantom.json",
    ]);
  });

  it("leaves no task, but a phantom, if it is interrupted", async () => {
    const directory = join(root, "interrupted");
    const stop = (): void => {
      throw new Error("stopped");
    };
    await writePhantom(nodeStorage, directory, small);
    await expect(writePhantom(nodeStorage, directory, { ...small, force: true, onProgress: stop })).rejects.toThrow(
      "stopped",
    );
    await expect(readDecathlon(nodeStorage, directory)).rejects.toThrow("no dataset.json");
    await writePhantom(nodeStorage, directory, small);
    expect((await readDecathlon(nodeStorage, directory)).cases).toHaveLength(2);
  });

  it.each([
    ["other files", "notes.txt", "mine"],
    ["a phantom.json of another kind", "phantom.json", "{}"],
    ["a phantom.json that is no JSON", "phantom.json", "mine"],
  ])("refuses a folder with %s unless forced, and then keeps what is not its own", async (_, file, content) => {
    const directory = join(root, "full");
    await rm(directory, { recursive: true, force: true });
    await mkdir(join(directory, "imagesTr"), { recursive: true });
    await writeFile(join(directory, file), content);
    await writeFile(join(directory, "imagesTr", "mine.nii.gz"), "mine");
    const before = await contents(directory);
    await expect(writePhantom(nodeStorage, directory, small)).rejects.toThrow(DataError);
    await expect(writePhantom(nodeStorage, directory, small)).rejects.toThrow("holds other files and no phantom");
    expect(await contents(directory)).toEqual(before);
    await writePhantom(nodeStorage, directory, { ...small, force: true });
    expect(await readFile(join(directory, "imagesTr", "mine.nii.gz"), "utf8")).toBe("mine");
    expect((await readDecathlon(nodeStorage, directory)).cases).toHaveLength(2);
  });

  it("never replaces another data set, nor writes among its volumes", async () => {
    const real = join(root, "Task03_Liver");
    const folders = ["imagesTr", "labelsTr", "imagesTs", "notes"];
    for (const name of folders) await mkdir(join(real, name), { recursive: true });
    for (const name of folders) await writeFile(join(real, name, "liver_0.nii.gz"), "patient");
    for (const json of ['{"name":"Liver"}', "{"]) {
      await writeFile(join(real, "dataset.json"), json);
      const before = await contents(real);
      for (const folder of [
        real,
        `${real}/notes/..`,
        ...["imagesTr", "labelsTr", "imagesTs/new"].map((name) => join(real, name)),
      ])
        await expect(writePhantom(nodeStorage, folder, { ...small, force: true })).rejects.toThrow(DataError);
      // A phantom that was written over by a real data set.
      await writeFile(join(real, "phantom.json"), '{"format":"lobule phantom"}');
      await expect(writePhantom(nodeStorage, real, { ...small, force: true })).rejects.toThrow(
        "describes another data set",
      );
      await rm(join(real, "phantom.json"));
      expect(await contents(real)).toEqual(before);
    }
    const linked = join(root, "linked");
    await mkdir(linked);
    await symlink(join(real, "imagesTr"), join(linked, "imagesTr"));
    await expect(writePhantom(nodeStorage, linked, { ...small, force: true })).rejects.toThrow(
      "is a link that leads out of",
    );
    expect(await readdir(join(real, "imagesTr"))).toEqual(["liver_0.nii.gz"]);
    await writePhantom(nodeStorage, join(real, "notes", "phantom"), small);
  });

  it("writes through no symbolic link", async () => {
    const [directory, other] = [join(root, "links"), join(root, "precious")];
    await mkdir(join(directory, "imagesTr"), { recursive: true });
    await writeFile(other, "precious");
    const names = ["phantom.json", "phantom.json.partial", "dataset.json.partial", "imagesTr/phantom_001.nii.gz"];
    for (const name of names) await symlink(other, join(directory, name));
    await writePhantom(nodeStorage, directory, { ...small, force: true });
    expect(await readFile(other, "utf8")).toBe("precious");
    expect((await readDecathlon(nodeStorage, directory)).cases).toHaveLength(2);
  });

  it("refuses a file in place of the folder", async () => {
    const file = join(root, "file");
    await writeFile(file, "");
    await expect(writePhantom(nodeStorage, file, small)).rejects.toThrow("is a file, not a folder");
  });

  it("says which folder cannot be made", async () => {
    const file = join(root, "in the way");
    await writeFile(file, "");
    const error: unknown = await writePhantom(nodeStorage, join(file, "deep", "below"), small).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(String(error)).toContain(join(file, "deep", "below"));
    await writePhantom(nodeStorage, join(root, "new", "and", "deep"), { ...small, size: 8 });
    expect((await readDecathlon(nodeStorage, join(root, "new", "and", "deep"))).cases).toHaveLength(2);
  });

  it.each([
    [{ cases: 0 }, "the number of cases must be a whole number from 1 to 999, not 0"],
    [{ cases: 1.5 }, "not 1.5"],
    [{ testCases: -1 }, "the number of test cases"],
    [{ size: 7 }, "the size of a slice must be a whole number from 8 to 1024, not 7"],
    [{ size: NaN }, "not NaN"],
    [{ slices: [0, 4] as const }, "the fewest slices"],
    [{ slices: [5, 4] as const }, "the most slices must be a whole number from 5"],
    [{ seed: -1 }, "the seed"],
  ])("refuses %j and writes nothing", async (wrong, message) => {
    const directory = join(root, "never");
    await expect(writePhantom(nodeStorage, directory, { ...small, ...wrong })).rejects.toThrow(message);
    await expect(readdir(directory)).rejects.toThrow("ENOENT");
  });
});
