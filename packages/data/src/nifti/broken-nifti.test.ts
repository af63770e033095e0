import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { openNiftiSlices } from "./nifti-slices.js";
import { readNifti, readNiftiHeader } from "./read-nifti.js";
import { encodeNifti, type NiftiFields } from "./testing/encode.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-broken-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const with16 = (changes: Partial<NiftiFields>, values?: readonly (number | bigint)[]) =>
  encodeNifti("int16", changes, values);
const sound = (): Uint8Array => with16({});
const gzipped = (bytes: Uint8Array): Uint8Array => gzipSync(bytes);
const cut = (bytes: Uint8Array, length: number): Uint8Array => bytes.subarray(0, length);
const patched = (at: number, ...bytes: number[]): Uint8Array => {
  const copy = Uint8Array.from(sound());
  copy.set(bytes, at);
  return copy;
};
const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7919 + 13) & 255);
const byQform = { sformCode: 0, qformCode: 1 };
const turned = (rows: readonly (readonly number[])[]) => ({ sformCode: 1, sform: rows });

/** Files that no one should have to read, by what is wrong with them. */
const broken: readonly (readonly [what: string, name: string, bytes: () => Uint8Array])[] = [
  ["nothing", "a.nii", () => new Uint8Array()],
  ["one byte", "a.nii", () => Uint8Array.of(92)],
  ["half a header", "a.nii", () => cut(sound(), 200)],
  ["a header without voxels", "a.nii", () => cut(sound(), 352)],
  ["one byte too few", "a.nii", () => cut(sound(), sound().length - 1)],
  ["text", "a.nii", () => new TextEncoder().encode("this is no image at all, but quite a long text. ".repeat(20))],
  ["noise", "a.nii", () => noise(5000)],
  ["zeros", "a.nii", () => new Uint8Array(1000)],
  ["no magic", "a.nii", () => with16({ magic: "xyz\0" })],
  ["line ends that a transfer changed", "a.nii", () => with16({ version: 2, magic: "n+2\0\n\n\x1a\n" })],
  ["an Analyze header", "a.nii", () => with16({ magic: "\0\0\0\0" })],
  ["a PNG under the name", "a.nii", () => Uint8Array.of(0x89, 0x50, 0x4e, 0x47, ...noise(600))],
  ["gzip of nothing", "a.nii.gz", () => gzipped(new Uint8Array())],
  ["gzip of text", "a.nii.gz", () => gzipped(new TextEncoder().encode("hello ".repeat(100)))],
  ["gzip cut off in its header", "a.nii.gz", () => cut(gzipped(sound()), 6)],
  ["gzip cut off in the header of the image", "a.nii.gz", () => cut(gzipped(sound()), 20)],
  ["gzip cut off in its end", "a.nii.gz", () => cut(gzipped(sound()), gzipped(sound()).length - 9)],
  ["gzip cut off before its checksum", "a.nii.gz", () => cut(gzipped(sound()), gzipped(sound()).length - 8)],
  [
    "gzip with a wrong checksum",
    "a.nii.gz",
    () => {
      const bytes = Uint8Array.from(gzipped(sound()));
      bytes[bytes.length - 8] = (bytes[bytes.length - 8] ?? 0) ^ 1;
      return bytes;
    },
  ],
  [
    "gzip with a wrong length",
    "a.nii.gz",
    () => {
      const bytes = Uint8Array.from(gzipped(sound()));
      bytes[bytes.length - 1] = 7;
      return bytes;
    },
  ],
  [
    "gzip whose second member is cut off",
    "a.nii.gz",
    () => Buffer.concat([gzipped(cut(sound(), 360)), cut(gzipped(sound().subarray(360)), 15)]),
  ],
  ["gzip of half a file and text", "a.nii.gz", () => Buffer.concat([gzipped(cut(sound(), 360)), noise(50)])],
  [
    "gzip members without content",
    "a.nii.gz",
    () => Buffer.concat(Array.from({ length: 2000 }, () => gzipped(new Uint8Array()))),
  ],
  ["gzip of half a file", "a.nii.gz", () => gzipped(cut(sound(), 360))],
  [
    "gzip with a garbled middle",
    "a.nii.gz",
    () => {
      const bytes = Uint8Array.from(gzipped(noisy()));
      bytes.fill(0x55, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 40);
      return bytes;
    },
  ],
  ["noise named gzip", "a.nii.gz", () => Uint8Array.of(0x1f, 0x8b, ...noise(300))],
  ["no axes", "a.nii", () => with16({ dim: [0, 1, 1, 1, 1, 1, 1, 1] })],
  ["one axis", "a.nii", () => with16({ dim: [1, 4, 1, 1, 1, 1, 1, 1] })],
  ["two axes", "a.nii", () => with16({ dim: [2, 4, 3, 1, 1, 1, 1, 1] })],
  ["eight axes", "a.nii", () => with16({ dim: [8, 2, 2, 2, 1, 1, 1, 1] })],
  ["a time axis", "a.nii", () => with16({ dim: [4, 2, 2, 2, 3, 1, 1, 1] })],
  ["a fifth axis", "a.nii", () => with16({ dim: [5, 2, 2, 2, 1, 3, 1, 1] })],
  ["an axis of length 0", "a.nii", () => with16({ dim: [3, 2, 0, 2, 1, 1, 1, 1] })],
  ["an axis of negative length", "a.nii", () => patched(42, 0xff, 0xff)],
  ["huge axes", "a.nii", () => patched(42, 0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f)],
  ["huge axes in gzip", "a.nii.gz", () => gzipped(patched(42, 0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f))],
  ["an unknown datatype", "a.nii", () => with16({ datatype: 4321 })],
  ["datatype 0", "a.nii", () => with16({ datatype: 0 })],
  ["bits, one a voxel", "a.nii", () => with16({ datatype: 1, bitpix: 1 })],
  ["RGB", "a.nii", () => with16({ datatype: 128, bitpix: 24 })],
  ["complex", "a.nii", () => with16({ datatype: 32, bitpix: 64 })],
  ["float128", "a.nii", () => with16({ datatype: 1536, bitpix: 128 })],
  ["no code and spacing 0", "a.nii", () => with16({ sformCode: 0, pixdim: [1, 0, 1, 1] })],
  ["no code and spacing NaN", "a.nii", () => with16({ sformCode: 0, pixdim: [1, 1, Number.NaN, 1] })],
  ["a qform without size", "a.nii", () => with16({ ...byQform, pixdim: [1, 1, 0, 1] })],
  ["a qform of infinite size", "a.nii", () => with16({ ...byQform, pixdim: [1, 1, 1, Number.POSITIVE_INFINITY] })],
  ["a qform of all zeros", "a.nii", () => with16({ ...byQform, pixdim: [0, 0, 0, 0] })],
  ["a quaternion with NaN", "a.nii", () => with16({ ...byQform, quaternion: [0, Number.NaN, 0] })],
  ["a quaternion that is too long", "a.nii", () => with16({ ...byQform, quaternion: [1, 1, 0] })],
  ["an offset of NaN", "a.nii", () => with16({ ...byQform, qoffset: [0, 0, Number.NaN] })],
  ["an unknown handedness", "a.nii", () => with16({ ...byQform, pixdim: [-2, 1, 1, 1] })],
  [
    "both transforms unusable",
    "a.nii",
    () =>
      with16({
        ...turned([
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ]),
        qformCode: 1,
        quaternion: [2, 0, 0],
      }),
  ],
  [
    "an affine beyond all measure",
    "a.nii",
    () =>
      with16({
        version: 2,
        units: 1,
        ...turned([
          [1e308, 0, 0, 0],
          [0, 1e308, 0, 0],
          [0, 0, 1e308, 0],
        ]),
      }),
  ],
  [
    "an sform of zeros",
    "a.nii",
    () =>
      with16(
        turned([
          [0, 0, 0, 0],
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ]),
      ),
  ],
  [
    "a flat sform",
    "a.nii",
    () =>
      with16(
        turned([
          [1, 1, 0, 0],
          [1, 1, 0, 0],
          [0, 0, 1, 0],
        ]),
      ),
  ],
  [
    "an sform with NaN",
    "a.nii",
    () =>
      with16(
        turned([
          [Number.NaN, 0, 0, 0],
          [0, 1, 0, 0],
          [0, 0, 1, 0],
        ]),
      ),
  ],
  ["voxels before the end of the header", "a.nii", () => with16({ offset: 10 })],
  ["voxels at a negative place", "a.nii", () => with16({ offset: -400 })],
  ["voxels at NaN", "a.nii", () => with16({ offset: Number.NaN })],
  ["voxels far behind the end", "a.nii", () => with16({ offset: 1e9 })],
  ["an infinite slope", "a.nii", () => with16({ slope: Number.POSITIVE_INFINITY })],
  ["NaN among the voxels", "a.nii", () => encodeNifti("float32", { dim: [3, 2, 1, 1, 1, 1, 1, 1] }, [1, Number.NaN])],
  [
    "infinity among the voxels",
    "a.nii.gz",
    () => gzipped(encodeNifti("float64", { dim: [3, 2, 1, 1, 1, 1, 1, 1] }, [Number.POSITIVE_INFINITY, 0])),
  ],
  ["an integer beyond 2^53", "a.nii", () => encodeNifti("int64", { dim: [3, 1, 1, 1, 1, 1, 1, 1] }, [2n ** 60n])],
  ["a pair's header alone", "a.hdr", () => with16({ magic: "ni1\0" })],
  ["NIfTI-2 cut off", "a.nii", () => cut(encodeNifti("int16", { version: 2 }), 400)],
];

const noisy = (): Uint8Array =>
  with16(
    { dim: [3, 20, 20, 10, 1, 1, 1, 1] },
    Array.from(noise(4000), (value, i) => value * ((i % 97) - 48)),
  );

/** The sentence with which a file is refused, within a second; undefined where it is read. */
async function refusal(path: string): Promise<string | undefined> {
  const started = performance.now();
  try {
    await readNifti(nodeStorage, path);
    return undefined;
  } catch (error) {
    expect(error, path).toBeInstanceOf(DataError);
    expect(performance.now() - started).toBeLessThan(5000);
    return (error as DataError).message;
  }
}

/** Does something without the rights of the superuser, who may read every file. */
async function asOrdinaryUser<Result>(run: () => Promise<Result>): Promise<Result> {
  const { seteuid, geteuid } = process;
  if (seteuid === undefined || geteuid === undefined || geteuid() !== 0) return run();
  seteuid("nobody");
  try {
    return await run();
  } finally {
    seteuid(0);
  }
}

describe("a broken file is refused in one sentence that names it", () => {
  test("there are enough of them", () => expect(broken.length).toBeGreaterThanOrEqual(40));

  test.each(broken)("%s", async (what, name, bytes) => {
    const folder = join(root, what.replaceAll(/\W+/g, "-"));
    await mkdir(folder, { recursive: true });
    const path = join(folder, name);
    await writeFile(path, bytes());
    const message = await refusal(path);
    expect(message).toBeDefined();
    expect(message).toContain(path);
    expect(message).not.toMatch(/\n/);
  });

  test("missing, a folder, unreadable", async () => {
    expect(await refusal(join(root, "gone.nii.gz"))).toContain("gone.nii.gz");
    await mkdir(join(root, "folder.nii"));
    expect(await refusal(join(root, "folder.nii"))).toContain("folder.nii");
    const locked = join(root, "locked.nii");
    await writeFile(locked, sound());
    await chmod(locked, 0);
    // Nobody but the superuser may enter the folder of the tests.
    await chmod(root, 0o755);
    expect(await asOrdinaryUser(() => refusal(locked))).toContain("locked.nii");
  });

  test("read slice by slice, the same files end in the same kind of error", async () => {
    const path = join(root, "slices.nii.gz");
    const whole = gzipped(noisy());
    await writeFile(path, cut(whole, whole.length - 200));
    const read = async (): Promise<void> => {
      const { slices } = await openNiftiSlices(nodeStorage, path);
      for await (const slice of slices()) expect(slice.length).toBe(400);
    };
    await expect(read()).rejects.toThrow(DataError);
    await expect(read()).rejects.toThrow(/slices\.nii\.gz/);
  });
});

test("any bytes are either a volume or a DataError, never anything else", async () => {
  const seeds = [
    sound(),
    encodeNifti("float32", { version: 2 }),
    encodeNifti("uint8", { littleEndian: false }),
    noisy(),
  ];
  const change = fc.tuple(fc.nat(600), fc.integer({ min: 0, max: 255 }));
  const path = join(root, "fuzz.nii");
  const packed = join(root, "fuzz.nii.gz");
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...seeds),
      fc.array(change, { maxLength: 12 }),
      fc.option(fc.nat(700)),
      fc.boolean(),
      fc.boolean(),
      async (seed, changes, length, gzip, garbleGzip) => {
        const bytes = Uint8Array.from(cut(seed, length ?? seed.length));
        for (const [at, value] of gzip && garbleGzip ? [] : changes) if (at < bytes.length) bytes[at] = value;
        const file = gzip ? Uint8Array.from(gzipped(bytes)) : bytes;
        if (gzip && garbleGzip) for (const [at, value] of changes) file[at % file.length] = value;
        await writeFile(gzip ? packed : path, file);
        const message = await refusal(gzip ? packed : path);
        if (message !== undefined) expect(message).toContain(gzip ? packed : path);
        else expect((await readNiftiHeader(nodeStorage, gzip ? packed : path)).shape).toHaveLength(3);
      },
    ),
    { numRuns: 400 },
  );
});
