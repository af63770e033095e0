import { cp, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeNifti } from "../nifti/write-nifti.js";
import { writePhantom } from "../phantom/write-phantom.js";
import type { Volume } from "../volume.js";
import { readDecathlon } from "./read-decathlon.js";
import { selectCases } from "./select-cases.js";
import { type CaseVerification, verifyDecathlon } from "./verify-decathlon.js";

let root = "";
let sound = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "verify-"));
  sound = join(root, "sound");
  await writePhantom(nodeStorage, sound, { seed: 1, cases: 3, testCases: 1, size: 8, slices: [4, 7] });
});
afterAll(() => rm(root, { recursive: true }));

let copies = 0;
/** Verifies a copy of the task in which something is broken; returns the second case's problems. */
async function problemsAfter(breakIt: (image: string, label: string) => Promise<void>): Promise<readonly string[]> {
  const directory = join(root, `copy-${copies++}`);
  await cp(sound, directory, { recursive: true });
  const file = "phantom_002.nii.gz";
  await breakIt(join(directory, "imagesTr", file), join(directory, "labelsTr", file));
  const results = await verifyDecathlon(nodeStorage, await readDecathlon(nodeStorage, directory));
  expect(results.map(({ name }) => name)).toEqual(["phantom_001", "phantom_002", "phantom_003"]);
  expect([results[0]?.problems, results[2]?.problems]).toEqual([[], []]);
  for (const problem of results[1]?.problems ?? []) expect(problem).not.toContain(root);
  return results[1]?.problems ?? [];
}

const volume = <Voxels extends Volume["data"]>(data: Voxels, changes: Partial<Volume> = {}): Volume<Voxels> => ({
  shape: [2, 2, 2],
  spacing: [1, 1, 4],
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 4, 0],
  ],
  ...changes,
  data,
});
const image = volume(new Int16Array(8));
const pair =
  (one: Volume, other: Volume) =>
  async (imagePath: string, labelPath: string): Promise<void> => {
    await writeNifti(nodeStorage, imagePath, one);
    await writeNifti(nodeStorage, labelPath, other);
  };

describe("verifyDecathlon", () => {
  it("finds nothing wrong with a sound task, and tells how far it is", async () => {
    const progress: [number, number][] = [];
    const task = await readDecathlon(nodeStorage, sound);
    const results = await verifyDecathlon(nodeStorage, task, { onProgress: (done, all) => progress.push([done, all]) });
    expect(results.flatMap(({ problems }) => problems)).toEqual([]);
    expect(results.map(({ shape }) => shape?.slice(0, 2))).toEqual([
      [8, 8],
      [8, 8],
      [8, 8],
    ]);
    expect(results[0]?.labelValues).toContain(1);
    expect(progress).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it("gives the same results however many cases are in work at once", async () => {
    const task = await readDecathlon(nodeStorage, sound);
    const results = (concurrency: number): Promise<CaseVerification[]> =>
      verifyDecathlon(nodeStorage, task, { concurrency });
    expect(await results(1)).toEqual(await results(8));
  });

  it("finds missing files", async () => {
    const problems = await problemsAfter(async (imagePath, labelPath) => {
      await rm(imagePath);
      await rm(labelPath);
    });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain("imagesTr/phantom_002.nii.gz");
    expect(problems[1]).toContain("labelsTr/phantom_002.nii.gz");
  });

  it("finds files that are cut off or no NIfTI", async () => {
    const problems = await problemsAfter(async (imagePath, labelPath) => {
      await truncate(imagePath, 200);
      await writeFile(labelPath, "no NIfTI");
    });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain("imagesTr/phantom_002.nii.gz");
    expect(problems[1]).toContain("labelsTr/phantom_002.nii.gz");
  });

  it("finds intensities that are not finite", async () => {
    const problems = await problemsAfter(async (imagePath) => {
      const plain = join(root, "plain.nii");
      await writeNifti(nodeStorage, plain, volume(new Float32Array(8)));
      const bytes = await readFile(plain);
      bytes.writeFloatLE(Number.NaN, bytes.length - 4);
      await writeFile(imagePath, gzipSync(bytes));
    });
    expect(problems.join()).toMatch(/imagesTr\/phantom_002\.nii\.gz .*NaN/);
  });

  it("finds image and label map of different shapes", async () => {
    expect(await problemsAfter(pair(image, volume(new Uint8Array(12), { shape: [2, 2, 3] })))).toEqual([
      "the image has 2×2×2 voxels, but the label map has 2×2×3",
    ]);
  });

  it("finds different spacings, but not those that differ by rounding", async () => {
    const spaced = (z: number): Volume =>
      volume(new Uint8Array(8), {
        spacing: [1, 1, z],
        affine: [
          [1, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, z, 0],
        ],
      });
    expect(await problemsAfter(pair(image, spaced(5)))).toEqual([
      "the image has a spacing of 1×1×4 mm, but the label map one of 1×1×5 mm",
    ]);
    expect(await problemsAfter(pair(image, spaced(4.001)))).toEqual([]);
  });

  it("finds different affines: moved by more than a tenth of a voxel, or flipped", async () => {
    const moved = (x: number): Volume =>
      volume(new Uint8Array(8), {
        affine: [
          [1, 0, 0, x],
          [0, 1, 0, 0],
          [0, 0, 4, 0],
        ],
      });
    const flipped = (x: number): Volume =>
      volume(new Uint8Array(8), {
        affine: [
          [-1, 0, 0, x],
          [0, 1, 0, 0],
          [0, 0, 4, 0],
        ],
      });
    expect(await problemsAfter(pair(image, moved(0.09)))).toEqual([]);
    const sentence = "the image and the label map place the same voxel up to";
    expect(await problemsAfter(pair(image, moved(0.11)))).toEqual([`${sentence} 0.110 mm apart by their affines`]);
    expect(await problemsAfter(pair(image, flipped(0)))).toEqual([`${sentence} 1.00 mm apart by their affines`]);
    // The same voxels, stored from the other side.
    expect(await problemsAfter(pair(image, flipped(1)))).toEqual([]);
  });

  it("takes labels whose axes are stored in another order, as training and evaluation do", async () => {
    const scan = volume(new Int16Array(24), { shape: [2, 3, 4] });
    const sagittal = volume(new Uint8Array(24), {
      shape: [4, 2, 3],
      spacing: [4, 1, 1],
      affine: [
        [0, -1, 0, 1],
        [0, 0, 1, 0],
        [4, 0, 0, 0],
      ],
    });
    expect(await problemsAfter(pair(scan, sagittal))).toEqual([]);
  });

  it("finds labels that dataset.json does not name and such as are no whole numbers", async () => {
    const floats = (...values: number[]): Volume => volume(Float32Array.from({ length: 8 }, (_, i) => values[i] ?? 0));
    const sentence = "of the label map hold";
    expect(await problemsAfter(pair(image, floats(0, 1, 2)))).toEqual([]);
    expect(await problemsAfter(pair(image, floats(3)))).toEqual([
      `1 voxel ${sentence} 3, but dataset.json names the labels 0 to 2`,
    ]);
    expect(await problemsAfter(pair(image, floats(-1, 0.5, 0.5, 1)))).toEqual([
      `3 voxels ${sentence} -1, 0.5, but dataset.json names the labels 0 to 2`,
    ]);
    expect(await problemsAfter(pair(image, floats(3, 4, 5, 6, 7, 8)))).toEqual([
      `6 voxels ${sentence} 3, 4, 5, 6, 7, …, but dataset.json names the labels 0 to 2`,
    ]);
  });

  it("names all problems of a case", async () => {
    const bad = volume(new Uint8Array(12).fill(9), { shape: [2, 2, 3] });
    expect(await problemsAfter(pair(image, bad))).toHaveLength(2);
  });
});

describe("selectCases", () => {
  it("keeps the cases with fewer slices than the limit and counts the others", async () => {
    const task = await readDecathlon(nodeStorage, sound);
    const depths = (await verifyDecathlon(nodeStorage, task)).map(({ shape }) => shape?.[2] ?? NaN);
    const limit = Math.max(...depths);
    const { cases, tooLong, overLimit } = await selectCases(nodeStorage, task, { maxSlices: limit });
    expect(cases.map(({ name }) => name)).toEqual(
      task.cases.filter((_, i) => (depths[i] ?? NaN) < limit).map(({ name }) => name),
    );
    expect([tooLong, overLimit]).toEqual([3 - cases.length, 0]);
    expect((await selectCases(nodeStorage, task, { maxSlices: limit + 1 })).cases).toHaveLength(3);
  });

  it("counts axial slices wherever that axis is stored", async () => {
    const directory = join(root, "sagittal");
    await cp(sound, directory, { recursive: true });
    const task = await readDecathlon(nodeStorage, directory);
    const sagittal = volume(new Int16Array(2 * 3 * 9), {
      shape: [3, 9, 2],
      affine: [
        [0, 0, 4, 0],
        [-1, 0, 0, 0],
        [0, -1, 0, 0],
      ],
    });
    for (const { image: path } of task.cases) await writeNifti(nodeStorage, path, sagittal);
    expect((await selectCases(nodeStorage, task, { maxSlices: 10 })).cases).toHaveLength(3);
    await expect(selectCases(nodeStorage, task, { maxSlices: 9 })).rejects.toThrow("none of the 3 cases");
  });

  it("takes the first cases by name, whatever their order, and opens none without a limit of slices", async () => {
    const task = await readDecathlon(nodeStorage, sound);
    const reversed = { ...task, cases: [...task.cases].reverse().map((each) => ({ ...each, image: "/nowhere.nii" })) };
    const { cases, tooLong, overLimit } = await selectCases(nodeStorage, reversed, { limitCases: 2 });
    expect(cases.map(({ name }) => name)).toEqual(["phantom_001", "phantom_002"]);
    expect([tooLong, overLimit]).toEqual([0, 1]);
  });

  it("refuses limits below 1 and names an image that cannot be read", async () => {
    const task = await readDecathlon(nodeStorage, sound);
    await expect(selectCases(nodeStorage, task, { maxSlices: 0 })).rejects.toThrow(
      "limit of slices must be at least 1, not 0",
    );
    await expect(selectCases(nodeStorage, task, { limitCases: 0 })).rejects.toThrow(
      "limit of cases must be at least 1, not 0",
    );
    const gone = { ...task, cases: task.cases.map((each) => ({ ...each, image: join(root, "gone.nii.gz") })) };
    await expect(selectCases(nodeStorage, gone, { maxSlices: 9 })).rejects.toThrow(join(root, "gone.nii.gz"));
  });
});
