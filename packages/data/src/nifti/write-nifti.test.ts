import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { fromCanonical, orientationOf, toCanonical } from "../orientation.js";
import type { Affine, Volume, VoxelArray } from "../volume.js";
import { createNiftiSliceWriter } from "./nifti-slice-writer.js";
import { openNiftiSlices } from "./nifti-slices.js";
import { readNifti } from "./read-nifti.js";
import { encodeNifti } from "./testing/encode.js";
import { writeNifti } from "./write-nifti.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-write-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const arrays = [Uint8Array, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array];
const axes = fc.constantFrom([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]);
const sign = fc.constantFrom(1, -1);
const extent = fc.integer({ min: 1, max: 6 });
/** Multiples of 1/8, which f32 holds exactly. */
const eighths = (most: number) => fc.integer({ min: 1, max: most * 8 }).map((value) => value / 8);

/** Volumes of any type with axes in any order and direction. */
const volumes: fc.Arbitrary<Volume> = fc
  .record({
    shape: fc.tuple(extent, extent, extent),
    spacing: fc.tuple(eighths(6), eighths(6), eighths(6)),
    array: fc.constantFrom(...arrays),
    axes,
    signs: fc.tuple(sign, sign, sign),
    origin: fc.tuple(eighths(300), eighths(300), eighths(300)),
    seed: fc.nat(),
  })
  .map(({ shape, spacing, array, axes: order, signs, origin, seed }) => {
    const rowOf = (row: 0 | 1 | 2): Affine[number] => {
      const stored = (order as readonly number[]).indexOf(row);
      const entry = (axis: 0 | 1 | 2): number => (axis === stored ? signs[axis] * spacing[axis] : 0);
      return [entry(0), entry(1), entry(2), origin[row]];
    };
    const data: VoxelArray = new array(shape[0] * shape[1] * shape[2]);
    for (let i = 0; i < data.length; i++) data[i] = (i * 37 + seed) % 100;
    return { shape, spacing, affine: [rowOf(0), rowOf(1), rowOf(2)], data };
  });

let number = 0;
const next = (end: string): string => join(root, `${number++}${end}`);

describe("what is written", () => {
  test("is read back as it was: values, type, shape, spacing and affine", async () => {
    await fc.assert(
      fc.asyncProperty(volumes, fc.constantFrom(".nii", ".nii.gz"), async (volume, end) => {
        const path = next(end);
        await writeNifti(nodeStorage, path, volume);
        const { shape, spacing, affine, data, header } = await readNifti(nodeStorage, path);
        expect({ shape, spacing, affine }).toEqual({
          shape: volume.shape,
          spacing: volume.spacing,
          affine: volume.affine,
        });
        expect(data).toEqual(volume.data);
        expect(header.orientation).toBe(orientationOf(volume.affine));
      }),
      { numRuns: 60 },
    );
  });

  test("is the same slice by slice, and the same bytes each time", async () => {
    await fc.assert(
      fc.asyncProperty(volumes, async (volume) => {
        const path = next(".nii.gz");
        await writeNifti(nodeStorage, path, volume);
        const { header, slices } = await openNiftiSlices(nodeStorage, path);
        const copy = next(".nii.gz");
        const datatype = header.datatype as "int16";
        const writer = createNiftiSliceWriter(nodeStorage, copy, { header, datatype });
        for await (const slice of slices()) await writer.write(slice);
        await writer.finish();
        expect((await readNifti(nodeStorage, copy)).data).toEqual(volume.data);
        const again = next(".nii.gz");
        await writeNifti(nodeStorage, again, volume);
        const [first, second] = await Promise.all([readNifti(nodeStorage, path), readNifti(nodeStorage, again)]);
        expect(second).toEqual(first);
      }),
      { numRuns: 20 },
    );
  });

  test("may be so large that the disk is given work before the end, and given up then too", async () => {
    const shape = [2048, 2048, 5] as const; // 20 MiB of labels
    const affine = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ] as const;
    const path = join(root, "large.nii");
    const writerOf = () =>
      createNiftiSliceWriter(nodeStorage, path, { grid: { shape, spacing: [1, 1, 1], affine }, datatype: "uint8" });
    const slice = new Uint8Array(shape[0] * shape[1]);
    const givenUp = writerOf();
    for (let z = 0; z < 3; z++) await givenUp.write(slice);
    await givenUp.abort();
    expect(await readdir(root)).not.toContainEqual(expect.stringContaining("large.nii"));

    const writer = writerOf();
    for (let z = 0; z < shape[2]; z++) await writer.write(slice.fill(z + 1));
    await writer.finish();
    const { data } = await readNifti(nodeStorage, path);
    expect(Array.from({ length: 5 }, (_, z) => data.indexOf(z + 1) / slice.length)).toEqual([0, 1, 2, 3, 4]);
    expect(data.length).toBe(5 * slice.length);
    await rm(path);
  });

  test("leaves nothing behind when it is given up, and refuses to end too early", async () => {
    const grid = {
      shape: [2, 2, 3],
      spacing: [1, 1, 1],
      affine: [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    } as const;
    const before = (await readdir(root)).length;
    const abandoned = createNiftiSliceWriter(nodeStorage, next(".nii.gz"), { grid, datatype: "uint8" });
    await abandoned.write(new Uint8Array(4));
    await abandoned.abort();
    const early = createNiftiSliceWriter(nodeStorage, next(".nii.gz"), { grid, datatype: "uint8" });
    await early.write(new Uint8Array(4));
    await expect(early.finish()).rejects.toThrow(RangeError);
    expect((await readdir(root)).length).toBe(before);
    await expect(
      writeNifti(nodeStorage, join(root, "no", "such", "a.nii"), { ...grid, data: new Uint8Array(12) }),
    ).rejects.toThrow(DataError);
    await expect(writeNifti(nodeStorage, next(".png"), { ...grid, data: new Uint8Array(12) })).rejects.toThrow(
      /ends in \.nii or \.nii\.gz/,
    );
  });
});

describe("both transforms of the scan that labels were found in", () => {
  /** Bytes of pixdim[0] to [3], and of both codes, the quaternion, its offset and the sform. */
  const places = {
    1: [
      [76, 92],
      [252, 328],
    ],
    2: [
      [104, 136],
      [344, 496],
    ],
  } as const;
  const transformBytes = (file: Uint8Array, version: 1 | 2): string[] =>
    places[version].map(([from, to]) => Buffer.from(file.subarray(from, to)).toString("hex"));

  const any = fc.float({ noDefaultInfinity: true });
  const code = fc.nat(4);
  const sheared = fc.tuple(any, any).map(([x, y]) => [
    [-0.7, 0.1, 0.2, x],
    [0, 0.8, -0.9, y],
    [0.05, 0, 2.5, -40],
  ]);
  const transforms = fc.record({
    version: fc.constantFrom<1 | 2>(1, 2),
    qformCode: code,
    quaternion: fc.oneof(fc.constant([0.5, -0.5, 0.5]), fc.constant([0, 0, 1]), fc.tuple(any, any, any)),
    qoffset: fc.tuple(any, any, any),
    sformCode: fc.integer({ min: 1, max: 4 }),
    sform: sheared,
    pixdim: fc.oneof(fc.constant([-1, 0.7, 0.8, 2.5]), fc.constant([0, 0, 0.8, 2.5]), fc.tuple(any, any, any, any)),
  });

  test("are written to the last bit, whatever they say and however they differ", async () => {
    await fc.assert(
      fc.asyncProperty(transforms, async (changes) => {
        const [scan, labels] = [next(".nii"), next(".nii")];
        const bytes = encodeNifti("int16", changes);
        await writeFile(scan, bytes);
        const header = await readNifti(nodeStorage, scan).then(
          (volume) => volume.header,
          () => undefined,
        );
        // An origin that is no number.
        if (header === undefined) return;
        const { shape, spacing, affine } = header;
        await writeNifti(nodeStorage, labels, { shape, spacing, affine, data: new Uint8Array(12) }, { header });
        expect(transformBytes(await readFile(labels), changes.version)).toEqual(transformBytes(bytes, changes.version));
        const written = await readNifti(nodeStorage, labels);
        expect({ ...written.header, datatype: "int16" }).toEqual({ ...header, voxelBytes: 12 });
      }),
      { numRuns: 100 },
    );
  });

  test("are those of a big-endian file and of other units too", async () => {
    const [scan, labels] = [next(".nii"), next(".nii")];
    const changes = { qformCode: 2, quaternion: [0.1, 0.2, 0.3], qoffset: [1, 2, 3], sformCode: 3, units: 3 };
    await writeFile(scan, encodeNifti("int16", { ...changes, littleEndian: false }));
    const { header } = await readNifti(nodeStorage, scan);
    await writeNifti(nodeStorage, labels, { ...header, data: new Uint8Array(12) }, { header });
    expect(transformBytes(await readFile(labels), 1)).toEqual(transformBytes(encodeNifti("int16", changes), 1));
    expect((await readNifti(nodeStorage, labels)).affine).toEqual(header.affine);
  });

  test("are made anew on another grid, by the scan's codes; a qform cannot say a shear", async () => {
    const [scan, labels] = [next(".nii"), next(".nii")];
    await writeFile(scan, encodeNifti("int16", { qformCode: 2, sformCode: 0, quaternion: [0, 0, 1] }));
    const { header } = await readNifti(nodeStorage, scan);
    const affine = [
      [1, 0, 0, 5],
      [0, 2, 0, 6],
      [0, 0, 3, 7],
    ] as const;
    const moved = { shape: header.shape, spacing: header.spacing, affine, data: new Uint8Array(12) };
    await writeNifti(nodeStorage, labels, moved, { header });
    const written = await readNifti(nodeStorage, labels);
    expect(written.affine).toEqual(affine);
    expect(written.header.transforms).toMatchObject({ qformCode: 2, sformCode: 0, quaternion: [0, 0, 0] });
    const sheared: Affine = [affine[0], [0, 2, 1, 6], affine[2]];
    const spacing = [1, 2, Math.hypot(1, 3)] as const;
    await writeNifti(nodeStorage, labels, { ...moved, spacing, affine: sheared }, { header });
    const { header: found } = await readNifti(nodeStorage, labels);
    expect(found.affine).toEqual(sheared);
    expect(found.transforms).toMatchObject({ qformCode: 0, sformCode: 2 });
  });
});

describe("canonical order", () => {
  test("every voxel keeps its value and its place in the patient, and the way back is exact", () => {
    fc.assert(
      fc.property(volumes, (volume) => {
        const canonical = toCanonical(volume);
        expect(orientationOf(canonical.affine)).toBe("RAS");
        const places = ({ shape, affine, data }: Volume): string[] =>
          Array.from(data, (value, i) => {
            const [x, y, z] = [i % shape[0], Math.floor(i / shape[0]) % shape[1], Math.floor(i / shape[0] / shape[1])];
            return [value, ...affine.map(([a, b, c, d]) => a * x + b * y + c * z + d)].join();
          }).sort();
        expect(places(canonical)).toEqual(places(volume));
        expect(fromCanonical(canonical, volume)).toMatchObject({ data: volume.data, affine: volume.affine });
      }),
    );
  });
});

const nibabel = ["python3", "/usr/bin/python3"].find((python) => {
  try {
    execFileSync(python, ["-c", "import nibabel"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

test("nibabel reads the same affine, zooms and values", async ({ skip }) => {
  skip(nibabel === undefined, "python3 has no nibabel here");
  for (const volume of fc.sample(volumes, { numRuns: 6, seed: 5 })) {
    const path = next(".nii.gz");
    await writeNifti(nodeStorage, path, volume);
    const script = `import nibabel, json, sys
image = nibabel.load(sys.argv[1])
print(json.dumps([image.affine[:3].tolist(), [float(z) for z in image.header.get_zooms()], list(image.shape), image.get_fdata().flatten(order="F").tolist()]))`;
    const [affine, zooms, shape, values] = JSON.parse(
      execFileSync(nibabel ?? "python3", ["-c", script, path], { encoding: "utf8" }),
    ) as [number[][], number[], number[], number[]];
    expect(affine).toEqual(volume.affine);
    expect(zooms).toEqual(volume.spacing);
    expect(shape).toEqual(volume.shape);
    expect(values).toEqual([...volume.data]);
  }
});
