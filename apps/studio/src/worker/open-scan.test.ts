import { MemoryStorage, writeNifti } from "@lobule/data";
import { expect, test } from "vitest";
import { bytesToRank, openLabels, openScan, requireFit } from "./open-scan.js";

test("a header that promises more than the page has memory for is refused, in one sentence", () => {
  const header = { shape: [512, 512, 1000], orientation: "LPS" } as const;
  expect(() => requireFit("scan.nii", header, 2e9)).not.toThrow();
  expect(() => requireFit("scan.nii", header, 1e9)).toThrow(
    "scan.nii promises 512×512×1000 voxels, which take 1.6 GB of memory here, and this page has 1.0 GB for a scan; crop it, or segment it by the command",
  );
  expect(() => requireFit("scan.nii", { shape: [20_000, 20_000, 2000], orientation: "LPS" }, 4e9)).toThrow("4.8 TB");
});

test("slices that are not axial are held as a whole, and so take more", () => {
  expect(() => requireFit("scan.nii", { shape: [512, 512, 400], orientation: "LSP" }, 2e9)).toThrow("2.3 GB");
});

test("ranking holds a scan and its mirror image as a whole, whatever their slices", () => {
  const header = { shape: [512, 512, 300], orientation: "LPS" } as const;
  expect(() => requireFit("scan.nii", header, 2e9)).not.toThrow();
  expect(() => requireFit("scan.nii", header, 2e9, bytesToRank)).toThrow("2.1 GB");
});

test("a scan and its labels are turned into the viewer's order", async () => {
  const storage = new MemoryStorage();
  await storage.makeFolder("/scans");
  const grid = {
    shape: [2, 1, 1],
    spacing: [2, 3, 4],
    // The first axis runs to the left.
    affine: [
      [-2, 0, 0, 0],
      [0, 3, 0, 0],
      [0, 0, 4, 0],
    ],
  } as const;
  await writeNifti(storage, "/scans/a.nii.gz", { ...grid, data: Float32Array.of(10.4, 70000) });
  const scan = await openScan(storage, "/scans/a.nii.gz", 1e6);
  expect([...scan.data]).toEqual([32767, 10]);
  expect(scan.stored.orientation).toBe("LAS");
  expect(scan.millilitersPerVoxel).toBeCloseTo(0.024, 9);
  await writeNifti(storage, "/scans/b.nii", { ...grid, data: Uint8Array.of(1, 2) });
  expect([...(await openLabels(storage, "/scans/b.nii"))]).toEqual([2, 1]);
});
