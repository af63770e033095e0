import { MemoryStorage, writeFileAtomically } from "@lobule/data";
import { expect, test } from "vitest";
import { keptFiles, removeKept } from "./kept-files.js";

async function storageWith(...paths: readonly string[]): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const path of paths) {
    await storage.makeFolder(path.slice(0, path.lastIndexOf("/")));
    await writeFileAtomically(storage, path, "12345");
  }
  return storage;
}

test("scans, labels and models are listed, a pair and the example as one scan each", async () => {
  const storage = await storageWith(
    "/scans/a.nii",
    "/scans/a.nii.gz",
    "/scans/b.hdr",
    "/scans/b.img.gz",
    "/scans/example/dataset.json",
    "/scans/example/imagesTr/phantom_001.nii.gz",
    "/labels/scans/a.nii.gz",
    "/models/m/checkpoints/best.safetensors",
    "/runs/r/config.json",
  );
  expect((await keptFiles(storage)).map(({ kind, name, bytes }) => [kind, name, bytes])).toEqual([
    ["scan", "a.nii", 5],
    ["scan", "a.nii.gz", 5],
    ["scan", "b", 10],
    ["scan", "example", 10],
    ["labels", "scans/a.nii.gz", 5],
    ["model", "m", 5],
  ]);
});

test("both files of a pair are removed, and nothing else", async () => {
  const storage = await storageWith("/scans/b.hdr", "/scans/b.img", "/scans/c.nii");
  const [pair] = await keptFiles(storage);
  if (pair !== undefined) await removeKept(storage, pair);
  expect(await storage.list("/scans")).toEqual(["c.nii"]);
});

test("a browser that has kept nothing lists nothing", async () => {
  expect(await keptFiles(new MemoryStorage())).toEqual([]);
});
