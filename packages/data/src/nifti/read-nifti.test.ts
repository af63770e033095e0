import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import type { NiftiDatatype } from "./datatypes.js";
import { openNiftiSlices } from "./nifti-slices.js";
import { checkSize, type NiftiVolume, readNifti, readNiftiHeader } from "./read-nifti.js";
import { encodeFields, encodeNifti, encodeVoxels, fields, type NiftiFields } from "./testing/encode.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "read-nifti-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function readBytes(bytes: Uint8Array, name = "volume.nii"): Promise<NiftiVolume> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return readNifti(nodeStorage, path);
}

const read = (type: NiftiDatatype, changes: Partial<NiftiFields> = {}, values?: readonly (number | bigint)[]) =>
  readBytes(encodeNifti(type, changes, values));

const twelve = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

const datatypes = [
  { type: "uint8", extremes: [0, 255], array: Uint8Array },
  { type: "int8", extremes: [-128, 127], array: Int8Array },
  { type: "uint16", extremes: [0, 65535], array: Uint16Array },
  { type: "int16", extremes: [-32768, 32767], array: Int16Array },
  { type: "uint32", extremes: [0, 2 ** 32 - 1], array: Uint32Array },
  { type: "int32", extremes: [-(2 ** 31), 2 ** 31 - 1], array: Int32Array },
  { type: "uint64", extremes: [0, 2 ** 53 - 1], array: Float64Array },
  { type: "int64", extremes: [1 - 2 ** 53, 2 ** 53 - 1], array: Float64Array },
  { type: "float32", extremes: [-(2 ** 127), 2 ** -149], array: Float32Array },
  { type: "float64", extremes: [-Number.MAX_VALUE, Number.MIN_VALUE], array: Float64Array },
] as const;

const layouts = [
  { version: 1, littleEndian: true },
  { version: 1, littleEndian: false },
  { version: 2, littleEndian: true },
  { version: 2, littleEndian: false },
] as const;

describe("voxels", () => {
  describe.each(layouts)("in NIfTI-$version, little-endian $littleEndian", (layout) => {
    it.each(datatypes)("are read from $type", async ({ type, extremes, array }) => {
      const values = [...extremes, ...twelve.slice(2)];
      const { data, header, shape } = await read(type, layout, values);
      expect(data).toBeInstanceOf(array);
      expect([...data]).toEqual(values);
      expect(shape).toEqual([2, 3, 2]);
      expect(header).toMatchObject({ ...layout, datatype: type, slope: 1, intercept: 0 });
    });
  });

  it("lie where the header says, behind any extension", async () => {
    // A negative length, which sends a careless reader round for ever.
    const extension = [1, 0, 0, 0, 0xf0, 0xff, 0xff, 0xff, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const { data } = await read("int16", { extension }, twelve);
    expect([...data]).toEqual(twelve);
  });

  it("come through gzip in one member or in many, whatever the name, and bytes behind them do not matter", async () => {
    const file = encodeNifti("int16", {}, twelve);
    const members = Buffer.concat([gzipSync(file.subarray(0, 100)), gzipSync(file.subarray(100))]);
    const trailing = Buffer.concat([file, Buffer.alloc(300)]);
    for (const bytes of [gzipSync(file), members, file, trailing, gzipSync(trailing)]) {
      expect([...(await readBytes(bytes, "named.nii.gz")).data]).toEqual(twelve);
      expect([...(await readBytes(bytes, "named.nii")).data]).toEqual(twelve);
    }
  });

  it("may have more axes, if those have length 1", async () => {
    const { shape, header } = await read("int16", { dim: [5, 2, 3, 2, 1, 1] }, twelve);
    expect(shape).toEqual([2, 3, 2]);
    expect(header.dimensions).toEqual([2, 3, 2, 1, 1]);
  });

  it("may be a single slice", async () => {
    expect((await read("int16", { dim: [3, 4, 3, 1] }, twelve)).shape).toEqual([4, 3, 1]);
  });
});

describe("slope and intercept", () => {
  it("are applied in float32 to small integers and in float64 to large ones", async () => {
    const scaling = { slope: 0.5, intercept: -1024 };
    const small = await read("uint16", scaling, twelve);
    const large = await read("int32", scaling, [...twelve.slice(1), 2 ** 31 - 1]);
    expect(small.data).toEqual(Float32Array.from(twelve, (value) => value / 2 - 1024));
    expect(large.data).toBeInstanceOf(Float64Array);
    expect(large.data[11]).toBe((2 ** 31 - 1) / 2 - 1024);
    expect(large.header).toMatchObject(scaling);
  });

  it.each([0, NaN])("are nothing if the slope is %d", async (slope) => {
    const { data, header } = await read("int16", { slope, intercept: 5 }, twelve);
    expect(data).toEqual(Int16Array.from(twelve));
    expect(header).toMatchObject({ slope: 1, intercept: 0 });
  });

  it("leave the voxels as they are stored if they are 1 and 0", async () => {
    expect((await read("uint8", { slope: 1, intercept: 0 })).data).toBeInstanceOf(Uint8Array);
  });

  it("apply to 64-bit integers", async () => {
    expect([...(await read("int64", { slope: 2, intercept: 1 }, twelve)).data]).toEqual(twelve.map((v) => 2 * v + 1));
  });
});

describe("affine", () => {
  const sform = [
    [0, -2, 0, 10],
    [0, 0, 3, 20],
    [-1, 0, 0, 30],
  ];
  /** 90° about z: x → y, y → −x. */
  const quaternion = [0, 0, Math.SQRT1_2];
  const rotated = [
    [0, -2, 0, 5],
    [1, 0, 0, 6],
    [0, 0, 3, 7],
  ];
  const qform = { qformCode: 2, quaternion, qoffset: [5, 6, 7] };
  const close = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((v) => expect.closeTo(v, 5)));

  describe.each(layouts)("in NIfTI-$version, little-endian $littleEndian", (layout) => {
    it("is the sform if that has a code, even a lower one than the qform's", async () => {
      const { affine, header } = await read("int16", { ...layout, ...qform, sformCode: 1, sform });
      expect(affine).toEqual(sform);
      expect(header).toMatchObject({
        affineFrom: "sform",
        orientation: "ILA",
        transforms: { sformCode: 1, qformCode: 2 },
      });
    });

    it("is the qform if only that has a code", async () => {
      const { affine, header } = await read("int16", { ...layout, ...qform, sformCode: 0, sform });
      expect(affine).toEqual(close(rotated));
      expect(header).toMatchObject({ affineFrom: "qform", orientation: "ALS" });
    });

    it("reverses the third axis of the qform if pixdim[0] is −1", async () => {
      const pixdim = [-1, 1, 2, 3];
      const { affine, header } = await read("int16", { ...layout, ...qform, sformCode: 0, pixdim });
      expect(affine[2]).toEqual([0, 0, expect.closeTo(-3, 5), 7]);
      expect(header.orientation).toBe("ALI");
    });

    it("is the voxel sizes alone if there is no code", async () => {
      const { affine, header } = await read("int16", { ...layout, ...qform, qformCode: 0, sformCode: 0, sform });
      expect(affine).toEqual([
        [1, 0, 0, 0],
        [0, 2, 0, 0],
        [0, 0, 3, 0],
      ]);
      expect(header).toMatchObject({ affineFrom: "pixdim", orientation: "RAS" });
    });
  });

  it("takes a quaternion for a half turn whose length is off by rounding", async () => {
    const { affine } = await read("int16", { ...qform, sformCode: 0, quaternion: [0, 0, 1.0001] });
    expect(affine.map((row) => row.slice(0, 3))).toEqual(
      close([
        [-1, 0, 0],
        [0, -2, 0],
        [0, 0, 3],
      ]),
    );
  });

  it.each([
    ["m", 1, 1000],
    ["mm", 2, 1],
    ["µm", 3, 0.001],
    ["unknown", 0, 1],
    ["unknown", 7, 1],
  ] as const)("and spacing are in mm if the file has %s (code %d)", async (space, code, factor) => {
    const { affine, spacing, header } = await read("int16", { sform, units: code + 16 });
    expect(spacing).toEqual([1, 2, 3].map((mm) => expect.closeTo(mm * factor, 12)));
    expect(affine[0]).toEqual([0, expect.closeTo(-2 * factor, 12), 0, expect.closeTo(10 * factor, 12)]);
    expect(header.units).toEqual({ space, time: "ms" });
  });

  it("decides the spacing where pixdim says otherwise, but not over rounding", async () => {
    expect((await read("int16", { pixdim: [1, 1, 1, 1] })).spacing).toEqual([1, 2, 3]);
    expect((await read("int16", { pixdim: [1, 1, 2, 3.001] })).spacing).toEqual([1, 2, Math.fround(3.001)]);
  });
});

describe("notes", () => {
  const zeros = [
    [0, 0, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ];
  const qform = { qformCode: 1, quaternion: [0, 0, Math.SQRT1_2], qoffset: [5, 6, 7] };
  const notesOf = async (changes: Partial<NiftiFields>) => {
    const { notes, header, affine, spacing } = await read("int16", changes);
    // Without gzip nothing is behind the voxels.
    expect(notes).toEqual(header.notes);
    return { notes, affine, spacing, from: header.affineFrom };
  };

  it("a sound file has none, by either transform, or both", async () => {
    const same = { quaternion: [0, 0, 0], qoffset: [0, 0, 0], qformCode: 1 };
    for (const changes of [{}, same, { ...qform, sformCode: 0 }]) expect((await notesOf(changes)).notes).toEqual([]);
  });

  it.each([
    ["is all zeros", zeros],
    [
      "holds numbers that are not finite",
      [
        [NaN, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    ],
    [
      "does not give every voxel a place of its own",
      [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    ],
  ])("an sform that %s: the qform is used", async (fault, sform) => {
    const { notes, affine, from } = await notesOf({ ...qform, sformCode: 1, sform });
    expect(from).toBe("qform");
    expect(affine.map((row) => row[3])).toEqual([5, 6, 7]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain(`its sform (code 1) ${fault}`);
    expect(notes[0]).toContain("its qform (code 1) is used");
  });

  it.each([0, NaN, Infinity])("a pixdim of %d under a sound sform: the sform gives the size", async (size) => {
    const { notes, spacing, from } = await notesOf({ pixdim: [1, 1, size, 3], qformCode: 1 });
    expect([spacing, from]).toEqual([[1, 2, 3], "sform"]);
    expect(notes).toEqual([`its pixdim is 1×${size}×3; the size of its voxels is that of its sform`]);
  });

  it("numbers are shown without the digits that 32 bits add", async () => {
    const { notes } = await notesOf({ pixdim: [1, 0, 0.7, 3], qformCode: 1 });
    expect(notes).toEqual(["its pixdim is 0×0.7×3; the size of its voxels is that of its sform"]);
  });

  it("a negative pixdim: its amount counts, as in nibabel", async () => {
    const { notes, affine, spacing } = await notesOf({ pixdim: [1, 1, -2, 3], sformCode: 0, qformCode: 1 });
    expect(spacing).toEqual([1, 2, 3]);
    expect(affine[1]).toEqual([0, 2, 0, 0]);
    expect(notes).toEqual(["its pixdim is 1×-2×3; the signs are not used"]);
  });

  it.each([
    [{ quaternion: [NaN, 0, 0] }, "has the quaternion (NaN, 0, 0), which is no rotation"],
    [{ quaternion: [0, 2, 0] }, "has the quaternion (0, 2, 0), which is no rotation"],
    [{ qoffset: [0, NaN, 0] }, "has the offset (0, NaN, 0)"],
    [{ pixdim: [-2, 1, 2, 3] }, "has a handedness (pixdim[0]) of -2, which is neither 1 nor -1"],
  ])("a qform that cannot be used beside a sound sform: %j", async (changes, fault) => {
    const { notes, from } = await notesOf({ qformCode: 2, ...changes });
    expect(from).toBe("sform");
    expect(notes).toEqual([`its qform (code 2) ${fault}; its sform (code 1) is used`]);
    expect((await notesOf({ ...changes, qformCode: 0 })).notes).toEqual([]);
  });

  it("transforms that differ: the sform is used, and how far they are apart is said", async () => {
    const { notes } = await notesOf({ qformCode: 1, qoffset: [25, 0, 0], sformCode: 4 });
    expect(notes).toEqual([
      "its sform (code 4) and its qform (code 1) place the same voxel up to 25.0 mm apart; the sform is used, other programs may use the qform",
    ]);
    expect((await notesOf({ qformCode: 1, qoffset: [0.05, 0, 0] })).notes).toEqual([]);
  });

  it("a pixdim of another size than the sform's: the sform is used, and both are said", async () => {
    const { notes, spacing } = await notesOf({ pixdim: [1, 1, 1, 1] });
    expect(spacing).toEqual([1, 2, 3]);
    expect(notes).toEqual([
      "its pixdim is 1×1×1, but its sform has voxels of 1×2×3; the sform is used, other programs may use the pixdim",
    ]);
    expect((await notesOf({ pixdim: [1, 1.0005, 2.001, 3] })).notes).toEqual([]);
  });

  it("a code that the standard does not have", async () => {
    const both = await notesOf({ sformCode: 8, qformCode: -1 });
    expect(both.from).toBe("sform");
    expect(both.notes).toEqual([
      "the code of its sform is 8, where the standard has 0 to 5; it counts as given, other programs may pass it over",
      "the code of its qform is -1, where the standard has 0 to 5; it counts as none",
    ]);
    expect((await notesOf({ ...qform, sformCode: 0, qformCode: 300 })).notes).toHaveLength(1);
    expect((await notesOf({ sformCode: 5 })).notes).toEqual([]);
  });

  it("NIfTI-2 without a check of line ends is read", async () => {
    expect((await notesOf({ version: 2, magic: "n+2\0\0\0\0\0" })).notes).toEqual([]);
  });

  it.each([0, 2, NaN])("a handedness of %d is 1 where the qform is used", async (qfac) => {
    const pixdim = [qfac, 1, 2, 3];
    const { notes, affine } = await notesOf({ ...qform, sformCode: 0, pixdim });
    expect(affine[2]).toEqual([0, 0, expect.closeTo(3, 5), 7]);
    expect(notes).toEqual([`its handedness (pixdim[0]) is ${qfac}, neither 1 nor -1; 1 is used`]);
    expect((await notesOf({ pixdim })).notes).toEqual([]);
  });

  it("no code at all: the orientation is not known", async () => {
    const { notes } = await notesOf({ sformCode: 0 });
    expect(notes).toEqual([expect.stringContaining("it has no orientation")]);
  });

  it("bytes behind the voxels, behind the gzip data, and both", async () => {
    const file = encodeNifti("int16", {}, twelve);
    const text = new TextEncoder().encode("copied by hand");
    const more = Buffer.concat([file, Buffer.alloc(300)]);
    const behindVoxels = "behind its voxels there are 300 bytes that are not used";
    const behindGzip = (count: number) =>
      `behind its gzip data there are ${count} bytes of something else that are not used`;
    const cases: [Uint8Array, string[]][] = [
      [more, [behindVoxels]],
      [gzipSync(more), [behindVoxels]],
      [Buffer.concat([gzipSync(file), text]), [behindGzip(14)]],
      [Buffer.concat([gzipSync(file), Buffer.alloc(512)]), [behindGzip(512)]],
      [Buffer.concat([gzipSync(more), text]), [behindVoxels, behindGzip(14)]],
      [Buffer.concat([gzipSync(file.subarray(0, 100)), gzipSync(file.subarray(100)), text]), [behindGzip(14)]],
    ];
    for (const [bytes, expected] of cases) {
      const { data, notes } = await readBytes(bytes, "behind.nii.gz");
      expect([...data]).toEqual(twelve);
      expect(notes).toEqual(expected);
      const { slices, notes: notesOfSlices } = await openNiftiSlices(nodeStorage, join(folder, "behind.nii.gz"));
      for await (const slice of slices()) expect(slice.length).toBe(6);
      expect(notesOfSlices()).toEqual(expected);
    }
  });
});

describe("description", () => {
  it("ends at its first zero byte, or after 80 bytes", async () => {
    expect((await read("int16", { description: "CT µ\0rubbish" })).header.description).toBe("CT µ");
    expect((await read("int16", { description: "d".repeat(80) })).header.description).toBe("d".repeat(80));
  });
});

describe("a pair", () => {
  const header = encodeFields(fields("int16", { magic: "ni1\0", offset: 0, extension: [] }));
  const image = encodeVoxels("int16", twelve);

  it.each([
    { halves: ["plain.hdr", "plain.img"], packed: [false, false] },
    { halves: ["packed.hdr.gz", "packed.img.gz"], packed: [true, true] },
    { halves: ["mixed.hdr", "mixed.img.gz"], packed: [false, true] },
    { halves: ["other.hdr.gz", "other.img"], packed: [true, false] },
  ])("is read by the name of either half: $halves", async ({ halves, packed }) => {
    for (const [i, bytes] of [header, image].entries())
      await writeFile(join(folder, halves[i] ?? ""), packed[i] ? gzipSync(bytes) : bytes);
    for (const half of halves) {
      const { data, header } = await readNifti(nodeStorage, join(folder, half));
      expect([...data]).toEqual(twelve);
      expect(header.separateImage).toBe(true);
    }
  });

  it("may have its voxels anywhere in the image", async () => {
    const shifted = encodeFields(fields("int16", { magic: "ni1\0", offset: 7, extension: [] }));
    await writeFile(join(folder, "shifted.hdr"), shifted);
    await writeFile(join(folder, "shifted.img"), Buffer.concat([Buffer.alloc(7), image]));
    expect([...(await readNifti(nodeStorage, join(folder, "shifted.hdr"))).data]).toEqual(twelve);
  });

  it("lacks a half: the error names the half that is there and the one that is not", async () => {
    await writeFile(join(folder, "alone.hdr"), header);
    await expect(readNifti(nodeStorage, join(folder, "alone.hdr"))).rejects.toThrow(/alone\.hdr.*no .*alone\.img/);
    await rename(join(folder, "alone.hdr"), join(folder, "only.img"));
    await expect(readNifti(nodeStorage, join(folder, "only.img"))).rejects.toThrow(/only\.img.*no .*only\.hdr/);
  });
});

describe("readNiftiHeader", () => {
  it("gives the header that readNifti gives", async () => {
    const { header } = await readBytes(gzipSync(encodeNifti("uint8", {}, twelve)), "whole.nii.gz");
    expect(await readNiftiHeader(nodeStorage, join(folder, "whole.nii.gz"))).toEqual(header);
  });

  it("does not need the voxels", async () => {
    const path = join(folder, "header-only.nii");
    await writeFile(path, encodeFields(fields("int16", { dim: [3, 512, 512, 900] })));
    expect(await readNiftiHeader(nodeStorage, path)).toMatchObject({
      shape: [512, 512, 900],
      voxelBytes: 512 * 512 * 900 * 2,
    });
  });
});

describe("the size limit", () => {
  it("is that of the values in memory and what stands before them", async () => {
    const path = join(folder, "limited.nii");
    await writeFile(path, encodeNifti("uint8", { slope: 0.5 }));
    expect((await readNifti(nodeStorage, path, { maxBytes: 352 + 48 })).data.byteLength).toBe(48);
    await expect(readNifti(nodeStorage, path, { maxBytes: 352 + 47 })).rejects.toThrow(
      /limited\.nii takes .* raise the limit/,
    );
  });

  it("is that of the machine where that has less memory", async () => {
    const path = join(folder, "machine.nii");
    await writeFile(path, encodeFields(fields("float32", { dim: [3, 512, 512, 700] })));
    const check = (memory: number) => async () => {
      const header = await readNiftiHeader(nodeStorage, path);
      checkSize({ memory }, path, header, 512 * 512 * 700);
    };
    await check(2 ** 30)();
    await expect(check(2 ** 29)()).rejects.toThrow(
      "machine.nii takes 0.684 GiB of memory (512×512×700 voxels of float32), and this machine has 0.500 GiB; crop it",
    );
  });

  it("holds for a bomb: 5 GB of zeros in 5 MB are refused before they are unpacked", async () => {
    const path = join(folder, "bomb.nii.gz");
    const zeros = gzipSync(Buffer.alloc(5_000_000), { level: 9 });
    const header = gzipSync(encodeFields(fields("uint8", { dim: [3, 10_000, 1000, 500] })));
    await writeFile(path, Buffer.concat([header, ...new Array<Uint8Array>(1000).fill(zeros)]));
    const start = performance.now();
    await expect(readNifti(nodeStorage, path)).rejects.toThrow(/bomb\.nii\.gz takes 4\.66 GiB/);
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("lets the rest of a bomb lie that is longer than its header promises", async () => {
    const zeros = gzipSync(Buffer.alloc(5_000_000), { level: 9 });
    const bomb = Buffer.concat([
      gzipSync(encodeNifti("uint8", {}, twelve)),
      ...new Array<Uint8Array>(1000).fill(zeros),
    ]);
    const start = performance.now();
    expect([...(await readBytes(bomb, "tail.nii.gz")).data]).toEqual(twelve);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("voxels that are no numbers", () => {
  it("are counted, and the first is named", async () => {
    const values: number[] = [...twelve];
    values[7] = NaN;
    values[9] = Infinity;
    const sentence = "volume.nii holds 2 voxels that are NaN or infinite, the first at (1,0,1)";
    await expect(read("float32", {}, values)).rejects.toThrow(sentence);
    await expect(read("float64", {}, values)).rejects.toThrow(sentence);
  });

  it("may come of the scaling", async () => {
    await expect(read("float32", { slope: 1e30 }, [...twelve.slice(1), 1e30])).rejects.toThrow(
      "1 voxel that is NaN or infinite after slope and intercept, the first at (1,2,1)",
    );
  });

  it.each(["int64", "uint64"] as const)("an integer of %s beyond 2^53 is refused", async (type) => {
    const values = [...twelve.slice(1), 2n ** 53n];
    await expect(read(type, {}, values)).rejects.toThrow("holds 9007199254740992 at (1,2,1)");
    await expect(read(type, {}, values)).rejects.toThrow(DataError);
  });
});

it("reads any values of any type on any shape, in any layout", async () => {
  const shape = fc.tuple(
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 7 }),
    fc.integer({ min: 1, max: 7 }),
  );
  const numbers = {
    uint8: fc.integer({ min: 0, max: 255 }),
    int8: fc.integer({ min: -128, max: 127 }),
    uint16: fc.integer({ min: 0, max: 65535 }),
    int16: fc.integer({ min: -32768, max: 32767 }),
    uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    int32: fc.integer(),
    uint64: fc.maxSafeNat(),
    int64: fc.maxSafeInteger(),
    float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
    float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  };
  const file = fc.record({
    type: fc.constantFrom(...datatypes.map(({ type }) => type)),
    layout: fc.constantFrom(...layouts),
    shape,
    extra: fc.nat({ max: 3 }),
    gzip: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(file, fc.gen(), async ({ type, layout, shape, extra, gzip }, generate) => {
      const values = Array.from({ length: shape[0] * shape[1] * shape[2] }, () => generate(() => numbers[type]) + 0);
      const extension = new Array<number>(4 + 16 * extra).fill(0);
      const bytes = encodeNifti(type, { ...layout, dim: [3, ...shape], extension }, values);
      const volume = await readBytes(gzip ? gzipSync(bytes) : bytes, "any.nii");
      expect(volume.shape).toEqual(shape);
      expect([...volume.data]).toEqual(values);
    }),
    { numRuns: 100 },
  );
});
