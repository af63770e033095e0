import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import { describe, expect, it } from "vitest";
import { openNiftiSlices } from "./nifti-slices.js";
import { encodeNifti, type NiftiFields } from "./testing/encode.js";
import { niftiFolder } from "./testing/nifti-folder.js";

const { at, readBytes, read } = niftiFolder();
const twelve = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

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
      const { slices, notes: notesOfSlices } = await openNiftiSlices(nodeStorage, at("behind.nii.gz"));
      for await (const slice of slices()) expect(slice.length).toBe(6);
      expect(notesOfSlices()).toEqual(expected);
    }
  });
});
