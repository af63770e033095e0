import { deflateSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { writeFileAtomically } from "../files/atomic-file.js";
import { MemoryStorage } from "../storage/memory-storage.js";
import { readImage } from "./read-image.js";

/** Voxels of 3×2×2, some below zero. */
const values = Int16Array.from({ length: 12 }, (_, i) => 100 * i - 600);
const bytes = new Uint8Array(values.buffer);
const swapped = Uint8Array.from(bytes, (_, i) => bytes[i ^ 1] as number);

const read = async (files: Readonly<Record<string, string | readonly (string | Uint8Array)[]>>) => {
  const storage = new MemoryStorage();
  for (const [name, parts] of Object.entries(files)) {
    await writeFileAtomically(
      storage,
      name,
      Buffer.concat([parts].flat().map((part) => Buffer.from(part as Uint8Array))),
    );
  }
  return readImage(storage, Object.keys(files)[0] ?? "");
};
const nrrd = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const fields = {
    type: "short",
    dimension: "3",
    space: "left-posterior-superior",
    sizes: "3 2 2",
    "space directions": "(0.5,0,0) (0,0.75,0) (0,0,2)",
    kinds: "domain domain domain",
    endian: "little",
    encoding: "raw",
    "space origin": "(10,20,30)",
    ...changes,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return `NRRD0004\n# a comment\n${lines.join("\n")}\nunit:=HU\n\n`;
};
const meta = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const fields = {
    ObjectType: "Image",
    NDims: "3",
    BinaryData: "True",
    BinaryDataByteOrderMSB: "False",
    CompressedData: "False",
    TransformMatrix: "1 0 0 0 1 0 0 0 1",
    Offset: "10 20 30",
    ElementSpacing: "0.5 0.75 2",
    DimSize: "3 2 2",
    ElementType: "MET_SHORT",
    ...changes,
    // The last field of a header.
    ElementDataFile: changes.ElementDataFile ?? "LOCAL",
  };
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} = ${value}\n`]))
    .join("");
};
/** In RAS. */
const affine = [
  [-0.5, 0, 0, -10],
  [0, -0.75, 0, -20],
  [0, 0, 2, 30],
];

describe("the same voxels in the same place", () => {
  test.each([
    ["NRRD", { "a.nrrd": [nrrd(), bytes] }],
    ["NRRD with gzip", { "a.nrrd": [nrrd({ encoding: "gzip" }), gzipSync(bytes)] }],
    ["NRRD, the other byte order", { "a.nrrd": [nrrd({ endian: "big" }), swapped] }],
    [
      "NRRD in RAS",
      {
        "a.nrrd": [
          nrrd({ space: "RAS", "space directions": "(-0.5,0,0) (0,-0.75,0) (0,0,2)", "space origin": "(-10,-20,30)" }),
          bytes,
        ],
      },
    ],
    ["NRRD in two files", { "a.nhdr": nrrd({ "data file": "a.raw" }), "a.raw": [bytes] }],
    ["MetaImage", { "a.mha": [meta(), bytes] }],
    ["MetaImage, packed", { "a.mha": [meta({ CompressedData: "True" }), deflateSync(bytes)] }],
    ["MetaImage, the other byte order", { "a.mha": [meta({ BinaryDataByteOrderMSB: "True" }), swapped] }],
    ["MetaImage in two files", { "a.mhd": meta({ ElementDataFile: "a.raw" }), "a.raw": [bytes] }],
  ])("%s", async (_, files) => {
    const volume = await read(files);
    expect(volume.shape).toEqual([3, 2, 2]);
    expect(volume.spacing).toEqual([0.5, 0.75, 2]);
    expect(volume.affine).toEqual(affine);
    expect(volume.data).toEqual(values);
  });

  test("directions of a MetaImage are three numbers an axis", async () => {
    const { affine: turned } = await read({ "a.mha": [meta({ TransformMatrix: "0 1 0 -1 0 0 0 0 1" }), bytes] });
    expect(turned).toEqual([
      [0, 0.75, 0, -10],
      [-0.5, 0, 0, -20],
      [0, 0, 2, 30],
    ]);
  });
});

describe("what is not read is refused by name", () => {
  test.each([
    [
      "colors",
      {
        "a.nrrd": [
          nrrd({ dimension: "4", sizes: "3 3 2 2", "space directions": "none (1,0,0) (0,1,0) (0,0,1)" }),
          bytes,
        ],
      },
      "is an image of 3×3×2×2 voxels",
    ],
    ["no place", { "a.nrrd": [nrrd({ space: undefined }), bytes] }, "does not say where it is in the patient"],
    ["another space", { "a.nrrd": [nrrd({ space: "scanner-xyz" }), bytes] }, "its space is 'scanner-xyz'"],
    ["bzip2", { "a.nrrd": [nrrd({ encoding: "bzip2" }), bytes] }, "encoded as 'bzip2', and raw and gzip are read"],
    [
      "a file elsewhere",
      { "a.nhdr": nrrd({ "data file": "../../secret" }) },
      "its voxels are in '../../secret', and one file beside it is read",
    ],
    [
      "too few voxels",
      { "a.nrrd": [nrrd(), bytes.subarray(3)] },
      "is cut off: a.nrrd promises 24 bytes of voxels, and there are 21",
    ],
    [
      "damaged gzip",
      { "a.nrrd": [nrrd({ encoding: "gz" }), gzipSync(bytes).subarray(0, 20)] },
      "holds damaged data (unexpected end of file)",
    ],
    [
      "damaged zlib",
      { "a.mha": [meta({ CompressedData: "True" }), Uint8Array.of(1, 2, 255, 255, 3)] },
      "a.mha holds damaged data",
    ],
    [
      "vectors",
      { "a.mha": [meta({ ElementNumberOfChannels: "3" }), bytes] },
      "its voxels are 3 of the type 'MET_SHORT'",
    ],
    ["a list of files", { "a.mhd": meta({ ElementDataFile: "LIST" }) }, "its voxels are in 'LIST'"],
    ["text as MetaImage", { "a.mha": "weights" }, "is no MetaImage file"],
    ["no directions", { "a.mha": [meta({ ElementSpacing: "0 1 1" }), bytes] }, "says no place for each of its voxels"],
    ["another form", { "a.png": "" }, "a.png is of no known form; give a name that ends in"],
  ])("%s", async (_, files, message) => {
    await expect(read(files)).rejects.toThrow(DataError);
    await expect(read(files)).rejects.toThrow(message);
  });
});
