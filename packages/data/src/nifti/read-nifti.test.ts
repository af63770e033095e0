import { rename, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readNifti, readNiftiHeader } from "./read-nifti.js";
import { encodeFields, encodeNifti, encodeVoxels, fields } from "./testing/encode.js";
import { niftiFolder } from "./testing/nifti-folder.js";

const { at, readBytes, read } = niftiFolder();
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
      await writeFile(at(halves[i] ?? ""), packed[i] ? gzipSync(bytes) : bytes);
    for (const half of halves) {
      const { data, header } = await readNifti(nodeStorage, at(half));
      expect([...data]).toEqual(twelve);
      expect(header.separateImage).toBe(true);
    }
  });

  it("may have its voxels anywhere in the image", async () => {
    const shifted = encodeFields(fields("int16", { magic: "ni1\0", offset: 7, extension: [] }));
    await writeFile(at("shifted.hdr"), shifted);
    await writeFile(at("shifted.img"), Buffer.concat([Buffer.alloc(7), image]));
    expect([...(await readNifti(nodeStorage, at("shifted.hdr"))).data]).toEqual(twelve);
  });

  it("lacks a half: the error names the half that is there and the one that is not", async () => {
    await writeFile(at("alone.hdr"), header);
    await expect(readNifti(nodeStorage, at("alone.hdr"))).rejects.toThrow(/alone\.hdr.*no .*alone\.img/);
    await rename(at("alone.hdr"), at("only.img"));
    await expect(readNifti(nodeStorage, at("only.img"))).rejects.toThrow(/only\.img.*no .*only\.hdr/);
  });
});

describe("readNiftiHeader", () => {
  it("gives the header that readNifti gives", async () => {
    const { header } = await readBytes(gzipSync(encodeNifti("uint8", {}, twelve)), "whole.nii.gz");
    expect(await readNiftiHeader(nodeStorage, at("whole.nii.gz"))).toEqual(header);
  });

  it("does not need the voxels", async () => {
    const path = at("header-only.nii");
    await writeFile(path, encodeFields(fields("int16", { dim: [3, 512, 512, 900] })));
    expect(await readNiftiHeader(nodeStorage, path)).toMatchObject({
      shape: [512, 512, 900],
      voxelBytes: 512 * 512 * 900 * 2,
    });
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
