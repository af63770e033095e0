import { MemoryStorage, readBytes, writePhantom } from "@lobule/data";
import { expect, test } from "vitest";
import { isScanFile, keepScans, labelsOf, plainName, scansOfTask } from "./scan-files.js";

const dropped = (path: string, text = "content") => ({ path, file: new File([text], path) });

test("scans are told by their names; label maps and what macOS leaves are none", () => {
  const names = ["a.nii", "b/c.NII.GZ", "d.hdr", "a.txt", "t/labelsTr/a.nii.gz", "t/imagesTr/._a.nii.gz"];
  expect(names.filter(isScanFile)).toEqual(["a.nii", "b/c.NII.GZ", "d.hdr"]);
});

test("scans of one name in several folders have labels of their own", () => {
  expect(["/scans/a.nii", "/data/p/imagesTr/a.nii.gz"].map(labelsOf)).toEqual([
    "/labels/scans/a.nii.gz",
    "/labels/data/p/imagesTr/a.nii.gz",
  ]);
});

test("scans are kept under plain names", async () => {
  const storage = new MemoryStorage();
  expect(await keepScans(storage, [dropped("x/scan 1.nii.gz"), dropped("x/read.me")])).toEqual([
    { path: "/scans/scan_1.nii.gz", name: "scan_1" },
  ]);
  expect(new TextDecoder().decode(await readBytes(storage, "/scans/scan_1.nii.gz", "record"))).toBe("content");
  expect(plainName("../a")).toBe("_a");
});

test("another scan of a name that is taken is kept beside it; the same scan is kept once", async () => {
  const storage = new MemoryStorage();
  const kept = await keepScans(storage, [dropped("a/Größe.nii", "one"), dropped("b/Größe.nii", "two")]);
  expect(kept.map(({ name }) => name)).toEqual(["Größe", "Größe-2"]);
  expect(new TextDecoder().decode(await readBytes(storage, "/scans/Größe.nii", "record"))).toBe("one");
  expect(await keepScans(storage, [dropped("Größe.nii", "two")])).toEqual(kept.slice(1));
});

test("a pair keeps one number, and is listed once; half of one is listed, to be told of", async () => {
  const storage = new MemoryStorage();
  await keepScans(storage, [dropped("a/x.hdr", "same"), dropped("a/x.img", "one")]);
  expect(await keepScans(storage, [dropped("b/x.hdr", "same"), dropped("b/x.img", "two")])).toEqual([
    { path: "/scans/x-2.hdr", name: "x-2" },
  ]);
  expect(await keepScans(storage, [dropped("y.img")])).toEqual([{ path: "/scans/y.img", name: "y" }]);
});

test("files without a scan are refused", async () => {
  await expect(keepScans(new MemoryStorage(), [dropped("a.dcm")])).rejects.toThrow(
    "a.dcm is no scan; drop .nii or .nii.gz files, or a folder of them",
  );
});

test("a Decathlon folder lists its labeled scans, then the others", async () => {
  const storage = new MemoryStorage();
  await writePhantom(storage, "/data/p", { cases: 2, testCases: 1, size: 8, slices: [1, 1], seed: 1 });
  expect((await scansOfTask(storage, "/data/p")).map(({ name }) => name)).toEqual([
    "phantom_001",
    "phantom_002",
    "phantom_003",
  ]);
});
