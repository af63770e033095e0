import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { openNiftiSlices } from "./nifti-slices.js";
import { readNifti, readNiftiHeader } from "./read-nifti.js";
import { encodeFields, encodeNifti, fields, type NiftiFields } from "./testing/encode.js";

/** No broken file may take longer to refuse, on a slow machine either. */
const limitMilliseconds = 3000;

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "broken-nifti-"));
});
afterAll(() => rm(folder, { recursive: true }));

const sound = encodeNifti("int16");
const packed = gzipSync(sound);

const changed = (bytes: Uint8Array, at: number, ...values: number[]): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  copy.set(values, at);
  return copy;
};
const header = (changes: Partial<NiftiFields>): Uint8Array => encodeNifti("int16", changes, new Array(12).fill(1));

/** What is wrong, the bytes of the file, and what the message must say of it. */
const broken: readonly (readonly [what: string, bytes: Uint8Array, message: string])[] = [
  ["is empty", new Uint8Array(0), "is empty"],
  ["is one byte", Uint8Array.of(0x5c), "no NIfTI file"],
  ["is text", Buffer.from("This is not a scan. ".repeat(100)), "no NIfTI file"],
  ["is all zeros", new Uint8Array(1000), "no NIfTI file"],
  ["is all ones", new Uint8Array(1000).fill(0xff), "no NIfTI file"],
  ["is a PNG", Buffer.from("89504e470d0a1a0a0000000d49484452", "hex"), "no NIfTI file"],
  ["ends in the header", sound.subarray(0, 200), "ends after 200 bytes"],
  ["ends in a NIfTI-2 header", encodeNifti("int16", { version: 2 }).subarray(0, 500), "ends after 500 bytes"],
  ["ends at the end of the header", sound.subarray(0, 348), "is cut off"],
  ["ends where the voxels begin", sound.subarray(0, 352), "the file holds 0"],
  [
    "ends in the voxels",
    sound.subarray(0, sound.length - 1),
    "promises 24 bytes of voxels (2×3×2 int16), the file holds 23",
  ],
  ["has another length of header", header({ headerLength: 349 }), "no NIfTI file"],
  ["has no magic, as Analyze 7.5", header({ magic: "\0\0\0\0" }), "Analyze 7.5"],
  ["has another magic", header({ magic: "abc\0" }), 'its magic is "abc"'],
  ["has the magic of NIfTI-2 in NIfTI-1", header({ magic: "n+2\0" }), 'its magic is "n+2"'],
  ["has the magic of NIfTI-1 in NIfTI-2", header({ version: 2, magic: "n+1\0" }), 'its magic is "n+1"'],
  ["has the magic of a pair and the name of a single file", header({ magic: "ni1\0" }), "separate .img file"],
  ["has no axes", header({ dim: [0, 2, 3, 2] }), "says that it has 0 axes"],
  ["has 8 axes", header({ dim: [8, 2, 3, 2] }), "says that it has 8 axes"],
  ["has −3 axes", header({ dim: [-3, 2, 3, 2] }), "says that it has -3 axes"],
  ["has one axis", header({ dim: [1, 12] }), "is a 1D image"],
  ["has two axes", header({ dim: [2, 4, 3] }), "is a 2D image of 4×3 voxels"],
  ["has four axes", header({ dim: [4, 2, 3, 1, 2] }), "is a 4D image of 2×3×1×2 voxels"],
  ["has five axes", header({ dim: [5, 2, 3, 1, 1, 2] }), "is a 5D image"],
  ["has seven axes", header({ dim: [7, 2, 1, 1, 1, 1, 1, 6] }), "is a 7D image"],
  ["has an axis of no voxels", header({ dim: [3, 2, 0, 2] }), "says that its axes have 2×0×2 voxels"],
  ["has an axis of −1 voxels", header({ dim: [3, 2, 3, -1] }), "says that its axes have 2×3×-1 voxels"],
  ["has a fourth axis of no voxels", header({ dim: [4, 2, 3, 2, 0] }), "says that its axes have 2×3×2×0 voxels"],
  ["has the largest axes of NIfTI-1", header({ dim: [3, 32767, 32767, 32767] }), "GiB of memory"],
  ["has axes of 2^40 voxels", header({ version: 2, dim: [3, 2 ** 40, 2 ** 40, 2 ** 40] }), "GiB of memory"],
  ["has an axis of 2^62 voxels", header({ version: 2, dim: [3, 2 ** 62, 1, 1] }), "its header is damaged"],
  ["has an axis of −2^62 voxels", header({ version: 2, dim: [3, -(2 ** 62), 1, 1] }), "its header is damaged"],
  ["promises 2 GB and holds 24 bytes", header({ dim: [3, 1000, 1000, 1000] }), "promises 2000000000 bytes"],
  ["promises 2 GB and is packed", gzipSync(header({ dim: [3, 1000, 1000, 1000] })), "promises 2000000000 bytes"],
  ["has voxels of no type", header({ datatype: 0 }), "of unknown type"],
  ["has voxels of single bits", header({ datatype: 1 }), "single bits"],
  ["has complex voxels", header({ datatype: 32 }), "complex numbers"],
  ["has double complex voxels", header({ datatype: 1792 }), "complex numbers"],
  ["has RGB voxels", header({ datatype: 128 }), "RGB colours"],
  ["has RGBA voxels", header({ datatype: 2304 }), "RGBA colours"],
  ["has 128-bit floats", header({ datatype: 1536 }), "128-bit floats"],
  ["has voxels of a type that is none", header({ datatype: 77 }), "datatype 77, which does not exist"],
  ["has voxels of type −4", header({ datatype: -4 }), "datatype -4, which does not exist"],
  ["has its voxels in the header", header({ offset: 100 }), "begin at byte 100"],
  ["has its voxels before the file", header({ offset: -352 }), "begin at byte -352"],
  ["has its voxels between two bytes", header({ offset: 352.5 }), "begin at byte 352.5"],
  ["has its voxels nowhere", header({ offset: NaN }), "begin at byte NaN"],
  ["has its voxels at infinity", header({ offset: Infinity }), "begin at byte Infinity"],
  ["has its voxels behind the end", header({ offset: 2 ** 20 }), "the file holds 0"],
  ["has its voxels beyond 4 GiB", header({ version: 2, offset: 2 ** 40 }), "GiB of memory"],
  ["has a spacing of 0", header({ pixdim: [1, 1, 0, 3] }), "has voxels of 1×0×3 mm"],
  ["has a negative spacing", header({ pixdim: [1, 1, -2, 3] }), "has voxels of 1×-2×3 mm"],
  ["has a spacing of NaN", header({ pixdim: [1, NaN, 2, 3] }), "has voxels of NaN×2×3 mm"],
  ["has an infinite spacing", header({ pixdim: [1, 1, 2, Infinity] }), "has voxels of 1×2×Infinity mm"],
  ["has an sform of zeros", header({ sform: [[0, 0, 0, 0]] }), "has an affine (sform)"],
  [
    "has an sform in a plane",
    header({
      sform: [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    }),
    "has an affine (sform)",
  ],
  [
    "has an sform with NaN",
    header({
      sform: [
        [1, 0, 0, 0],
        [0, 2, 0, NaN],
        [0, 0, 3, 0],
      ],
    }),
    "has an affine (sform)",
  ],
  ["has a quaternion that is none", header({ sformCode: 0, qformCode: 1, quaternion: [3, 0, 0] }), "(3, 0, 0)"],
  ["has a quaternion of NaN", header({ sformCode: 0, qformCode: 1, quaternion: [0, NaN, 0] }), "(0, NaN, 0)"],
  ["has an infinite offset of the qform", header({ sformCode: 0, qformCode: 1, qoffset: [0, 0, Infinity] }), "(qform)"],
  ["has an infinite slope", header({ slope: Infinity }), "slope Infinity"],
  ["has an intercept of NaN", header({ slope: 1, intercept: NaN }), "intercept NaN"],
  ["holds NaN", encodeNifti("float32", {}, [...new Array<number>(11).fill(0), NaN]), "the first at (1,2,1)"],
  [
    "holds −Infinity",
    encodeNifti("float64", {}, [-Infinity, ...new Array<number>(11).fill(0)]),
    "the first at (0,0,0)",
  ],
  ["holds integers that are not exact", encodeNifti("int64", {}, new Array(12).fill(-(2n ** 60n))), "beyond ±2^53"],
  ["is gzip of nothing", gzipSync(new Uint8Array(0)), "no NIfTI file"],
  ["is gzip of text", gzipSync("This is not a scan."), "no NIfTI file"],
  ["is gzip of gzip", gzipSync(packed), "no NIfTI file"],
  ["is gzip cut off in its own header", packed.subarray(0, 5), "cut off in the middle of its gzip data"],
  ["is gzip cut off in the middle", packed.subarray(0, 40), "cut off in the middle of its gzip data"],
  ["is gzip cut off before its checksum", packed.subarray(0, -8), "cut off in the middle of its gzip data"],
  ["is gzip cut off in its checksum", packed.subarray(0, -3), "cut off in the middle of its gzip data"],
  ["is gzip with a wrong checksum", changed(packed, packed.length - 6, 0, 0), "damaged gzip data"],
  ["is gzip of an unknown method", changed(packed, 2, 99), "damaged gzip data"],
  ["is gzip with damaged blocks", changed(packed, 12, 0xff, 0xff, 0xff, 0xff), "damaged gzip data"],
  ["is gzip of a file cut off", gzipSync(sound.subarray(0, -5)), "is cut off"],
];

/** Runs every reader; each must refuse with one sentence about this file, in time. */
async function expectRefused(path: string, message: string): Promise<void> {
  const start = performance.now();
  const readSlices = async (): Promise<void> => {
    for await (const slice of (await openNiftiSlices(path)).slices()) expect(slice).toBeDefined();
  };
  for (const reading of [readNifti(path), readSlices()]) {
    const error = await reading.then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(DataError);
    const text = error instanceof DataError ? error.message : "";
    expect(text).toContain(basename(path));
    expect(text).toContain(message);
    expect(text).not.toContain("\n");
  }
  expect(performance.now() - start).toBeLessThan(limitMilliseconds);
}

describe("a file is refused with one sentence that names it if it", () => {
  it.each(broken)("%s", async (what, bytes, message) => {
    const path = join(folder, `${what.replaceAll(/\W+/g, "-")}.nii.gz`);
    await writeFile(path, bytes);
    await expectRefused(path, message);
  });

  it("is missing", () => expectRefused(join(folder, "missing.nii.gz"), "there is no such file"));

  it("is in a folder that is missing", () =>
    expectRefused(join(folder, "no-folder", "scan.nii"), "there is no such file or folder"));

  it("is in a file instead of a folder", async () => {
    await writeFile(join(folder, "file"), "");
    await expectRefused(join(folder, "file", "scan.nii"), "cannot be opened");
  });

  it("is a folder", async () => {
    await mkdir(join(folder, "folder.nii"));
    await expectRefused(join(folder, "folder.nii"), "is a folder");
  });

  it("is a link to itself", async () => {
    await symlink("circle.nii", join(folder, "circle.nii"));
    await expectRefused(join(folder, "circle.nii"), "cannot be opened");
  });

  it("has a name that no file can have", () => expectRefused(join(folder, "a\0b.nii"), "cannot be opened"));

  it("has a name that is too long", () => expectRefused(join(folder, `${"a".repeat(300)}.nii`), "cannot be opened"));

  it.skipIf(process.platform === "win32")("is a pipe, for which it would wait for ever", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.nii")]);
    await expectRefused(join(folder, "pipe.nii"), "no regular file");
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("may not be read", async () => {
    await writeFile(join(folder, "secret.nii"), sound);
    await chmod(join(folder, "secret.nii"), 0);
    await expectRefused(join(folder, "secret.nii"), "permission is denied");
  });

  it("is a pair whose image is cut off: the image is named", async () => {
    await writeFile(
      join(folder, "pair.hdr"),
      encodeFields(fields("int16", { magic: "ni1\0", offset: 0, extension: [] })),
    );
    await writeFile(join(folder, "pair.img"), new Uint8Array(23));
    await expect(readNifti(join(folder, "pair.hdr"))).rejects.toThrow(/pair\.img is cut off/);
    await writeFile(join(folder, "pair.img"), "");
    await expect(readNifti(join(folder, "pair.hdr"))).rejects.toThrow(/pair\.img is empty/);
  });
});

it("the sound file that the broken ones are made from is read", async () => {
  for (const [name, bytes] of [
    ["sound.nii", sound],
    ["sound.nii.gz", packed],
  ] as const) {
    await writeFile(join(folder, name), bytes);
    expect((await readNifti(join(folder, name))).shape).toEqual([2, 3, 2]);
  }
});

describe("however a file is damaged", () => {
  const files = ([1, 2] as const).flatMap((version) =>
    [true, false].map((littleEndian) =>
      encodeNifti("float32", { version, littleEndian, qformCode: 1, slope: 2, extension: new Array(20).fill(0) }),
    ),
  );
  const byte = fc.integer({ min: 0, max: 255 });
  const damage = fc.record({
    file: fc.constantFrom(...files),
    // Most of the places are in the header, since every byte there means something.
    changes: fc.array(fc.tuple(fc.nat({ max: 700 }), byte), { minLength: 1, maxLength: 4 }),
    kept: fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, fc.nat({ max: 700 })),
    order: fc.constantFrom("plain", "damaged, then packed", "packed, then damaged"),
  });

  /** A volume that keeps its promises, or a DataError that names the file; anything else fails the test. */
  async function readOrRefuse(path: string): Promise<void> {
    const start = performance.now();
    try {
      const { shape, spacing, affine, data } = await readNifti(path);
      expect(data.length).toBe(shape[0] * shape[1] * shape[2]);
      expect(spacing.every((size) => size > 0 && Number.isFinite(size))).toBe(true);
      expect(affine.flat().every(Number.isFinite)).toBe(true);
      expect(data.every(Number.isFinite)).toBe(true);
      expect((await readNiftiHeader(path)).shape).toEqual(shape);
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      expect((error as DataError).message).toContain(basename(path));
    }
    expect(performance.now() - start).toBeLessThan(limitMilliseconds);
  }

  it("it is either read whole or refused", async () => {
    const path = join(folder, "damaged.nii");
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, changes, kept, order }) => {
        const start = order === "packed, then damaged" ? gzipSync(file) : file;
        const bytes = Uint8Array.from(start);
        for (const [place, value] of changes) bytes[place % bytes.length] = value;
        const cut = bytes.subarray(0, kept);
        await writeFile(path, order === "damaged, then packed" ? gzipSync(cut) : cut);
        await readOrRefuse(path);
      }),
      { numRuns: 1500 },
    );
  });

  it("it is refused or read if it is noise after a plausible start", async () => {
    const path = join(folder, "noise.nii");
    const starts = [Uint8Array.of(0x1f, 0x8b, 8), encodeFields(fields("int16")).subarray(0, 44), new Uint8Array(0)];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 800 }), async (start, noise) => {
        await writeFile(path, Buffer.concat([start, noise]));
        await readOrRefuse(path);
      }),
      { numRuns: 300 },
    );
  });
});
