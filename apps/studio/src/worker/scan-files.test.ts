import { MemoryStorage, readBytes, writePhantom } from "@lobule/data";
import { expect, test } from "vitest";
import { isScanFile, keepScans, plainName, scansOfTask } from "./scan-files.js";

const dropped = (path: string, text = "content") => ({ path, file: new File([text], path) });

test("scans are told by their names; label maps and what macOS leaves are none", () => {
  const names = ["a.nii", "b/c.NII.GZ", "d.hdr", "a.txt", "t/labelsTr/a.nii.gz", "t/imagesTr/._a.nii.gz"];
  expect(names.filter(isScanFile)).toEqual(["a.nii", "b/c.NII.GZ", "d.hdr"]);
});

test("scans are kept under plain names", async () => {
  const storage = new MemoryStorage();
  expect(await keepScans(storage, [dropped("x/scan 1.nii.gz"), dropped("x/read.me")])).toEqual([
    { path: "/scans/scan_1.nii.gz", name: "scan_1" },
  ]);
  expect(new TextDecoder().decode(await readBytes(storage, "/scans/scan_1.nii.gz", "record"))).toBe("content");
  expect(plainName("../a")).toBe("_a");
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
