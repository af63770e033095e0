import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Affine, readNifti, toCanonical } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DicomError } from "./dicom-error.js";
import { readSeries } from "./read-series.js";
import {
  extents,
  hounsfield,
  type SeriesChanges,
  writeEnhanced,
  writeSeries,
  zipOfSeries,
} from "./testing/write-series.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-dicom-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const read = async (changes: SeriesChanges = {}) => {
  await writeSeries(folder, changes);
  return readSeries(nodeStorage, folder);
};

/** HU of four slices, x fastest. */
const expected = Array.from({ length: 120 }, (_, i) =>
  hounsfield(i % extents.columns, Math.floor(i / extents.columns) % extents.rows, Math.floor(i / 30)),
);

const expectAffine = (found: Affine, wanted: Affine): void => {
  for (const [i, value] of wanted.flat().entries()) expect(found.flat()[i]).toBeCloseTo(value, 6);
};

test("HU by slope and intercept, slices by their positions, the place in RAS", async () => {
  const { shape, spacing, affine, data, notes } = await read();
  expect(shape).toEqual([6, 5, 4]);
  expect(spacing).toEqual([0.5, 0.75, 2.5]);
  expect(data).toBeInstanceOf(Int16Array);
  expect([...data]).toEqual(expected);
  expectAffine(affine, [
    [-0.5, 0, 0, 100],
    [0, -0.75, 0, 80],
    [0, 0, 2.5, 12],
  ]);
  expect(notes).toEqual([]);
});

test.each([
  ["implicit VR", "1.2.840.10008.1.2"],
  ["big endian", "1.2.840.10008.1.2.2"],
  ["RLE", "1.2.840.10008.1.2.5"],
  ["JPEG lossless", "1.2.840.10008.1.2.4.70"],
  ["JPEG-LS", "1.2.840.10008.1.2.4.80"],
  ["JPEG 2000", "1.2.840.10008.1.2.4.90"],
  ["HTJ2K", "1.2.840.10008.1.2.4.201"],
])("%s holds the same", async (_, syntax) => {
  expect([...(await read({ syntax })).data]).toEqual(expected);
});

describe("geometry", () => {
  test("a tilted gantry shears the axes", async () => {
    const { affine, shape } = await read({ step: [0, 0.8, 2.4] });
    const last = affine.map(([, , step, first]) => (shape[2] - 1) * step + first);
    for (const [i, value] of [100, 80 - 3 * 0.8, 12 + 3 * 2.4].entries()) expect(last[i]).toBeCloseTo(value, 6);
  });

  test("oblique and sagittal slices", async () => {
    const { affine } = await read({ orientation: [0, 1, 0, 0, 0, -1], step: [-3, 0, 0] });
    expectAffine(affine, [
      [0, 0, 3, 100],
      [-0.5, 0, 0, 80],
      [0, -0.75, 0, 12],
    ]);
  });

  test("slopes with a fraction, signed pixels, junk above the highest bit, MONOCHROME1", async () => {
    const pixels = Uint16Array.from({ length: 30 }, (_, i) => ((i % 2 === 0 ? -i : i) & 0xfff) | 0x7000);
    const change = () => ({
      RescaleSlope: "0.5",
      RescaleIntercept: "0",
      PixelRepresentation: 1,
      PhotometricInterpretation: "MONOCHROME1",
      PixelData: pixels.buffer,
    });
    const { data } = await read({ slices: 2, change });
    expect(data).toBeInstanceOf(Float32Array);
    expect([...data.subarray(0, 5)]).toEqual([0, 0.5, -1, 1.5, -2]);
  });
});

describe("an enhanced image", () => {
  const readEnhanced = async (changes: SeriesChanges = {}, ofFile: object = {}) => {
    const path = await writeEnhanced(folder, changes, ofFile);
    return { path, series: await readSeries(nodeStorage, folder) };
  };

  test.each([
    ["plain", undefined],
    ["implicit VR", "1.2.840.10008.1.2"],
    ["RLE", "1.2.840.10008.1.2.5"],
    ["JPEG-LS", "1.2.840.10008.1.2.4.80"],
    ["JPEG 2000", "1.2.840.10008.1.2.4.90"],
  ])("of frames in any order is the same volume: %s", async (_, syntax) => {
    const own = await read({ orientation: [0.8, 0.6, 0, -0.6, 0.8, 0] });
    await rm(folder, { recursive: true });
    const { path, series } = await readEnhanced({ orientation: [0.8, 0.6, 0, -0.6, 0.8, 0], syntax });
    expect([...series.data]).toEqual(expected);
    expectAffine(series.affine, own.affine);
    expect(series.slices.map(({ frame }) => frame)).toEqual([4, 3, 2, 1]);
    expect(series.slices[0]?.path).toBe(`${path}, frame 4`);
  });

  test("may have another slope and intercept for each frame", async () => {
    const change = (slice: number) => ({ RescaleSlope: String(slice + 1), RescaleIntercept: String(-10 * slice) });
    const { data } = (await readEnhanced({ slices: 3, change })).series;
    const stored = expected.slice(0, 90).map((value) => value + 1024);
    expect([...data]).toEqual(stored.map((value, i) => value * (Math.floor(i / 30) + 1) - 10 * Math.floor(i / 30)));
  });

  test("may be named itself, which a slice of a series is not", async () => {
    const { path, series } = await readEnhanced();
    expect(await readSeries(nodeStorage, path)).toEqual(series);
    const [slice = ""] = await writeSeries(join(folder, "series"));
    await expect(readSeries(nodeStorage, slice)).rejects.toThrow(
      `${slice} is a slice of a DICOM series; give the folder of the series, or a .zip of it`,
    );
  });

  test("of one frame is a slice", async () => {
    const { path, series } = await readEnhanced({ slices: 1 });
    expect(series.shape).toEqual([6, 5, 1]);
    expect(series.slices.map((slice) => [slice.path, slice.frame])).toEqual([[path, undefined]]);
  });

  test.each<[string, SeriesChanges, object, RegExp]>([
    [
      "several phases",
      { change: (slice) => ({ ImagePositionPatient: ["-100", "-80", String(2.5 * (slice % 2))] }) },
      {},
      /enhanced\.dcm, frame \d and .*enhanced\.dcm, frame \d are at the same place; frames of several times, phases/,
    ],
    [
      "a missing frame",
      { slices: 6, without: [2] },
      {},
      /frame 4 and .*frame 3 are 5\.00 mm apart.* 1 slice is missing/,
    ],
    [
      "frames of another orientation",
      { change: (slice) => (slice === 1 ? { ImageOrientationPatient: ["0", "1", "0", "0", "0", "-1"] } : {}) },
      {},
      /frame 3 differs from .*frame 1 in size, orientation or pixel spacing/,
    ],
    [
      "frames of no place",
      {},
      { PerFrameFunctionalGroupsSequence: Array(4).fill({ StackID: "1" }) },
      /frame 1 does not say where it is/,
    ],
    ["more frames than places", {}, { NumberOfFrames: 5 }, /holds 5 frames, and says of 4 where they are/],
    ["fewer pixels", {}, { Rows: 50 }, /has 240 bytes of pixels, and 1200 pixels of 16 bits are promised/],
  ])("that is no volume is refused by name: %s", async (_, changes, ofFile, message) => {
    await expect(readEnhanced(changes, ofFile)).rejects.toThrow(DicomError);
    await expect(readEnhanced(changes, ofFile)).rejects.toThrow(message);
  });
});

test("a series that is asked for is read, whatever is wrong with another", async () => {
  await writeSeries(join(folder, "a"), { slices: 2, seriesUid: "1.2.5", change: () => ({ NumberOfFrames: 7 }) });
  await writeSeries(join(folder, "b"), { slices: 2 });
  for (const name of await readdir(join(folder, "a")))
    await writeFile(join(folder, "b", `a-${name}`), await readFile(join(folder, "a", name)));
  const { shape } = await readSeries(nodeStorage, join(folder, "b"), { seriesUid: "1.2.3.4" });
  expect(shape).toEqual([6, 5, 2]);
  await expect(readSeries(nodeStorage, join(folder, "b"), { seriesUid: "1.2.6" })).rejects.toThrow(
    "holds no series 1.2.6; name one with --series: 1.2.3.4 (2 files, Thorax), 1.2.5 (2 files, Thorax)",
  );
});

/** Whether Debian's converter is here. */
const hasDcm2niix = (): boolean => {
  try {
    execFileSync("dcm2niix", ["-h"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

test.for<[string, SeriesChanges]>([
  ["axial", {}],
  ["oblique", { orientation: [0.8, 0.6, 0, -0.6, 0.8, 0] }],
  ["tilted", { step: [0, 0.8, 2.4] }],
  ["enhanced", { orientation: [0.8, 0.6, 0, -0.6, 0.8, 0] }],
])("dcm2niix puts the voxels of %s slices in the same place", async ([form, changes], { skip }) => {
  skip(!hasDcm2niix(), "dcm2niix is not installed here");
  await (form === "enhanced" ? writeEnhanced : writeSeries)(folder, changes);
  const own = toCanonical(await readSeries(nodeStorage, folder));
  const out = join(folder, "out");
  await mkdir(out);
  execFileSync("dcm2niix", ["-z", "n", "-o", out, "-f", "scan", folder], { stdio: "ignore" });
  const other = toCanonical(await readNifti(nodeStorage, join(out, "scan.nii")));
  expect(other.shape).toEqual(own.shape);
  expect([...other.data]).toEqual([...own.data]);
  for (const [i, value] of own.affine.flat().entries())
    expect(Math.abs(value - (other.affine.flat()[i] as number))).toBeLessThan(1e-4);
});

describe("what cannot be a volume is refused by name", () => {
  test.each<[string, SeriesChanges, RegExp]>([
    [
      "a missing slice",
      { slices: 6, without: [2] },
      /are 5\.00 mm apart, where slices of the series are 2\.50 mm apart, so 1 slice is missing; complete the series/,
    ],
    [
      "two slices at one place",
      { change: (slice) => (slice === 2 ? { ImagePositionPatient: ["-100", "-80", "14.5"] } : {}) },
      /are at the same place; leave one of them out/,
    ],
    [
      "a localizer in the series",
      { change: (slice) => (slice === 3 ? { ImageOrientationPatient: ["0", "1", "0", "0", "0", "-1"] } : {}) },
      /differs from .* in size, orientation or pixel spacing/,
    ],
    [
      "colors",
      { change: () => ({ SamplesPerPixel: 3, PhotometricInterpretation: "RGB" }) },
      /is a picture of 3 samples a pixel \(RGB\)/,
    ],
    [
      "an unknown transfer syntax",
      { change: () => ({ _meta: { TransferSyntaxUID: { vr: "UI", Value: ["1.2.840.10008.1.2.4.100"] } } }) },
      /is of the transfer syntax 1\.2\.840\.10008\.1\.2\.4\.100, which is not read/,
    ],
    ["frames", { change: () => ({ NumberOfFrames: 2 }) }, /holds 2 frames, and says of 0 where they are; give an/],
    [
      "no pixels",
      { change: () => ({ PixelData: undefined }) },
      /has rows, and no pixels of whole numbers; copy it again/,
    ],
    ["no place", { change: () => ({ ImagePositionPatient: undefined }) }, /does not say where it is in the patient/],
    [
      "fewer pixels than promised",
      { change: () => ({ Rows: 50 }) },
      /is cut off: it has 60 bytes of pixels, and 300 pixels of 16 bits are promised/,
    ],
  ])("%s", async (_, changes, message) => {
    await expect(read(changes)).rejects.toThrow(DicomError);
    await expect(readSeries(nodeStorage, folder)).rejects.toThrow(message);
  });

  test("several series, of which one can be named", async () => {
    await writeSeries(join(folder, "a"));
    await writeSeries(join(folder, "b"), { seriesUid: "1.2.5", slices: 2 });
    for (const [i, name] of (await readdir(join(folder, "b"))).entries())
      await writeFile(join(folder, "a", `other-${i}`), await readFile(join(folder, "b", name)));
    await expect(readSeries(nodeStorage, join(folder, "a"))).rejects.toThrow(
      /holds 2 series; name one with --series: .*1\.2\.3\.4 \(4 files, Thorax\).*1\.2\.5 \(2 files, Thorax\)/,
    );
    expect((await readSeries(nodeStorage, join(folder, "a"), { seriesUid: "1.2.5" })).shape).toEqual([6, 5, 2]);
  });

  test("other files are left out, and said; a folder of them is no series", async () => {
    await writeFile(join(folder, "notes.txt"), "no DICOM");
    await expect(readSeries(nodeStorage, folder)).rejects.toThrow("holds no DICOM images; give the folder of a series");
    expect((await read()).notes).toEqual([expect.stringMatching(/^1 file of .* holds no image and is left out$/)]);
  });
});

describe("a zip of a series", () => {
  test("is read as its folder is", async () => {
    const path = join(folder, "series.zip");
    await writeFile(path, await zipOfSeries(await writeSeries(join(folder, "series"))));
    const zipped = await readSeries(nodeStorage, path);
    const { slices, ...plain } = await readSeries(nodeStorage, join(folder, "series"));
    expect(zipped).toMatchObject({ ...plain, notes: [`1 file of ${path} holds no image and is left out`] });
    expect(zipped.slices[0]?.path).toMatch(/series\.zip\/patient\/CT\/3-0\.dcm$/);
    expect(slices).toHaveLength(4);
  });

  test.each<[string, (zip: Uint8Array) => Uint8Array, string]>([
    ["text", () => Buffer.from("no zip"), "cannot be unpacked (invalid zip data); unpack it, and give the folder"],
    ["no images", () => zipSync({ "notes.txt": Buffer.from("no DICOM") }), "holds no DICOM images"],
    ["damaged", (zip) => zip.fill(255, 60, 400), "cannot be unpacked (invalid"],
    // The size that the directory claims for its first file.
    [
      "a file of 4 GiB",
      (zip) => {
        const end = new DataView(zip.buffer, zip.byteOffset + zip.length - 22);
        new DataView(zip.buffer, zip.byteOffset).setUint32(end.getUint32(16, true) + 24, 0xfffffff0, true);
        return zip;
      },
      "its files take 4.00 GiB of memory",
    ],
  ])("that is %s is refused in a sentence", async (_, change, message) => {
    const path = join(folder, "series.zip");
    await writeFile(path, change(await zipOfSeries(await writeSeries(join(folder, "series")))));
    const storage = { ...nodeStorage, memory: 2 ** 31 };
    await expect(readSeries(storage, path)).rejects.toThrow(DicomError);
    await expect(readSeries(storage, path)).rejects.toThrow(message);
  });
});

test("reading ends with the signal's reason, also while a file is parsed", async () => {
  await writeSeries(folder, { syntax: "1.2.840.10008.1.2.4.70" });
  const stop = new AbortController();
  const parse = async (): Promise<never> => {
    stop.abort(new Error("stopped"));
    throw new Error("ended");
  };
  await expect(readSeries(nodeStorage, folder, { parse, signal: stop.signal })).rejects.toThrow("stopped");
});

test("changed and cut files give a volume or a DicomError", async () => {
  const [first = ""] = await writeSeries(folder, { slices: 2 });
  const sound = await readFile(first);
  for (let i = 0; i < 150; i++) {
    const changed = Uint8Array.from(sound);
    // Lengths of attributes are among what is changed, first of all.
    const at = 132 + ((i * 7919) % (sound.length - 132));
    changed[at] = (i * 31) % 256;
    changed[at + 1] = i % 3 === 0 ? 0xff : (changed[at + 1] ?? 0);
    await writeFile(first, changed);
    if (i % 10 === 0) await truncate(first, at);
    await readSeries(nodeStorage, folder).catch((error: unknown) => {
      if (!(error instanceof DicomError)) throw error;
      expect(error.message).toMatch(/^[^\n]{20,700}$/);
    });
  }
});
