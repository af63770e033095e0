import { link, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Affine, columnLengths, readNifti, type VoxelArray, writeNifti } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { segmentVolume } from "./segment-volume.js";
import type { SlicePredictor } from "./slice-predictor.js";

const [width, height, depth] = [4, 3, 7];
const values = Array.from({ length: width * height * depth }, (_, i) => ((i * 7) % 31) - 15);
const expected = values.map((value) => Number(value > 0));

const RAS: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 3, 0],
];
const affines: Readonly<Record<string, Affine>> = {
  RAS,
  LAS: [
    [-1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 3, 0],
  ],
  LPS: [
    [-1, 0, 0, 0],
    [0, -1, 0, 0],
    [0, 0, 3, 0],
  ],
  PRS: [
    [0, 1, 0, 0],
    [-1, 0, 0, 0],
    [0, 0, 3, 0],
  ],
  RSA: [
    [1, 0, 0, 0],
    [0, 0, 1, 0],
    [0, 3, 0, 0],
  ],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-segment-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  for (const name of await readdir(folder)) await rm(join(folder, name));
});

/** Labels what is above 0, in three buffers by turns, two slices at a time, two calls at most; `log` hears of it. */
function thresholding(log: (event: string) => void = () => undefined, milliseconds = 5): SlicePredictor {
  const buffers = [new Uint8Array(0), new Uint8Array(0), new Uint8Array(0)];
  let [calls, running] = [0, 0];
  let before: Promise<unknown> = Promise.resolve();
  const predictor: Pick<
    SlicePredictor,
    "atOnce" | "margin" | "inZScores" | "crops" | "channels" | "classes" | "predictUncertain"
  > = {
    atOnce: 2,
    margin: 0,
    inZScores: [false],
    crops: false,
    channels: 1,
    classes: 2,
    async predictUncertain(slices, columns, rows) {
      if (running > 1) throw new Error("two predictions at a time");
      running++;
      const call = calls++;
      log(`start ${call}`);
      const found = slices.flatMap((slice) => Array.from(slice, (value) => Number(value > 0)));
      buffers[call % 3]?.fill(9); // what the caller may not look at any more
      const work = before.then(() => new Promise((resolve) => setTimeout(resolve, milliseconds)));
      before = work;
      await work;
      const bytes = Uint8Array.from(found);
      buffers[call % 3] = bytes;
      running--;
      log(`end ${call}`);
      return slices.map((_, n) => ({
        labels: bytes.subarray(n * columns * rows, (n + 1) * columns * rows),
        maps: {},
      }));
    },
  };
  return predictor as SlicePredictor;
}

/** A file with these voxels, and where its labels go. */
async function write(data: VoxelArray = Int16Array.from(values), extension = ".nii", affine = RAS) {
  const [input, output] = [join(folder, `scan${extension}`), join(folder, `labels${extension}`)];
  const [x = 0, y = 0, z = 0] = [0, 1, 2].map((axis) => Math.hypot(...affine.map((row) => row[axis] as number)));
  await writeNifti(nodeStorage, input, { data, shape: [width, height, depth], spacing: [x, y, z], affine });
  return [input, output] as const;
}

describe.each(Object.entries(affines))("slices that lie as %s", (orientation, affine) => {
  test.each([
    [".nii", {}],
    [".nii.gz", {}],
    [".nii", { largestComponent: { classes: [] } }],
  ])("labels lie as the scan does, %s %o", async (extension, options) => {
    const [input, output] = await write(undefined, extension, affine);
    const result = await segmentVolume(nodeStorage, thresholding(), input, output, options);
    const { data, header } = await readNifti(nodeStorage, output);
    expect([...data]).toEqual(expected);
    expect(header.orientation).toBe(orientation);
    expect(result.voxels).toEqual([0, 1].map((label) => data.filter((value) => value === label).length));
  });

  test("previews hold HU and labels of the same place, and are no views", async () => {
    const { previews } = await segmentVolume(nodeStorage, thresholding(), ...(await write(undefined, ".nii", affine)), {
      previews: 3,
    });
    expect(previews).toHaveLength(3);
    for (const { image, labels, width: columns, height: rows } of previews) {
      expect(image).toBeInstanceOf(Float32Array);
      expect([...labels]).toEqual(Array.from(image, (value) => Number(value > 0)));
      expect([labels.length, labels.buffer.byteLength]).toEqual([columns * rows, columns * rows]);
    }
  });
});

test.each(Object.entries(affines))("a volume in memory, %s, gives the labels of its file", async (_, affine) => {
  const [input, output] = await write(undefined, ".nii", affine);
  await segmentVolume(nodeStorage, thresholding(), input, output);
  const [data, spacing] = [Int16Array.from(values), columnLengths(affine)];
  const volume = { data, shape: [width, height, depth], spacing, affine } as const;
  const { voxels } = await segmentVolume(nodeStorage, thresholding(), volume, `${output}.nii`);
  expect(await readFile(`${output}.nii`)).toEqual(await readFile(output));
  expect([...data], "the volume is unchanged").toEqual(values);
  expect(voxels[1]).toBe(expected.filter((label) => label === 1).length);
});

test("the scan is never its own output, however that is spelled", async () => {
  const [input] = await write();
  const before = await readFile(input);
  await link(input, join(folder, "hard.nii"));
  await symlink(input, join(folder, "soft.nii"));
  for (const output of [input, `${folder}/./scan.nii`, join(folder, "hard.nii"), join(folder, "soft.nii")])
    await expect(segmentVolume(nodeStorage, thresholding(), input, output)).rejects.toThrow(
      `${output} is the scan itself`,
    );
  expect(await readFile(input)).toEqual(before);
  expect((await readdir(folder)).sort()).toEqual(["hard.nii", "scan.nii", "soft.nii"]);
});

test("volumes of a scan with tilted gantry: the determinant of the affine, not the product of the spacing", async () => {
  const angle = (20 * Math.PI) / 180;
  const affine: Affine = [
    [1, 0, 0, 0],
    [0, 1, 3 * Math.sin(angle), 0],
    [0, 0, 3 * Math.cos(angle), 0],
  ];
  const { voxels, milliliters } = await segmentVolume(
    nodeStorage,
    thresholding(),
    ...(await write(undefined, ".nii", affine)),
  );
  expect(milliliters).toEqual(voxels.map((count) => expect.closeTo((count * 3 * Math.cos(angle)) / 1000, 6)));
});

describe("a scan whose qform and sform differ", () => {
  test.each([
    ["slice by slice", RAS, {}],
    ["with the largest component", RAS, { largestComponent: { classes: [] } }],
    ["as a whole", affines.RSA as Affine, {}],
  ])("labels have both and both codes, to the last bit, %s", async (_, affine, options) => {
    const [input, output] = await write(undefined, ".nii", affine);
    const scan = await readFile(input);
    // Codes 1 and 4; a turn of 90° about the body's axis, 25 mm off.
    scan.writeInt16LE(1, 252);
    scan.writeInt16LE(4, 254);
    for (const [i, value] of [0, 0, Math.SQRT1_2, 25, -3.3, 1e-9].entries()) scan.writeFloatLE(value, 256 + 4 * i);
    scan.writeFloatLE(-1, 76);
    await writeFile(input, scan);
    const { notes } = await segmentVolume(nodeStorage, thresholding(), input, output, options);
    const labels = await readFile(output);
    for (const [from, to] of [
      [76, 92],
      [252, 328],
    ] as const)
      expect(labels.subarray(from, to).toString("hex")).toBe(scan.subarray(from, to).toString("hex"));
    expect(notes).toEqual([expect.stringContaining("its sform (code 4) and its qform (code 1) place the same voxel")]);
  });
});

test.each([Int8Array, Int32Array, Float32Array, Float64Array])("scans in a %o", async (Values) => {
  const [input, output] = await write(Values.from(values));
  await segmentVolume(nodeStorage, thresholding(), input, output);
  expect([...(await readNifti(nodeStorage, output)).data]).toEqual(expected);
});

describe("while the GPU works", () => {
  test("it has another batch queued, and the labels of the batch before are written meanwhile", async () => {
    const events: string[] = [];
    const log = (event: string): void => void events.push(event);
    // Long enough that reading and writing are done before, on a busy machine too.
    const predictor = thresholding(log, 80);
    await segmentVolume(nodeStorage, predictor, ...(await write()), { onProgress: (done) => log(`done ${done}`) });
    expect(events).toEqual([
      "start 0",
      "start 1",
      "end 0",
      "done 2",
      "start 2",
      "end 1",
      "done 4",
      "start 3",
      "end 2",
      "done 6",
      "end 3",
      "done 7",
    ]);
  });

  test.each([0, 1, 3])("a failure of batch %d is told, and leaves nothing", async (bad) => {
    const predictor = thresholding((event) => {
      if (event === `end ${bad}`) throw new Error("lost");
    });
    await expect(segmentVolume(nodeStorage, predictor, ...(await write()))).rejects.toThrow("lost");
    expect(await readdir(folder)).toEqual(["scan.nii"]);
  });

  test.each([2, 6])("stopped after %d slices: what runs comes to its end, and nothing is left", async (after) => {
    const stop = new AbortController();
    const events: string[] = [];
    const onProgress = (done: number): void => {
      if (done === after) stop.abort();
    };
    const predictor = thresholding((event) => void events.push(event));
    const segmenting = segmentVolume(nodeStorage, predictor, ...(await write()), { signal: stop.signal, onProgress });
    await expect(segmenting).rejects.toThrow("aborted");
    expect(events.at(-1)).toMatch(/^end/);
    expect(await readdir(folder)).toEqual(["scan.nii"]);
  });

  test("a voxel that is no number stops it when what runs has ended, even in failure", async () => {
    const [input, output] = await write(Float32Array.from(values));
    const file = await readFile(input);
    file.writeFloatLE(Number.NaN, file.length - 4 * width * height);
    await writeFile(input, file);
    const events: string[] = [];
    const predictor = thresholding((event) => {
      events.push(event);
      if (event === "end 2") throw new Error("lost");
    });
    await expect(segmentVolume(nodeStorage, predictor, input, output)).rejects.toThrow(/NaN/);
    expect(events.at(-1)).toBe("end 2");
    expect(await readdir(folder)).toEqual(["scan.nii"]);
  });
});
