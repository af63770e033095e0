import { writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { nodeStorage } from "@lobule/node";
import { describe, expect, it } from "vitest";
import { DataError } from "../data-error.js";
import { checkSize, readNifti, readNiftiHeader } from "./read-nifti.js";
import { encodeFields, encodeNifti, fields } from "./testing/encode.js";
import { niftiFolder } from "./testing/nifti-folder.js";

const { at, readBytes, read } = niftiFolder();
const twelve = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

describe("the size limit", () => {
  it("is that of the values in memory and what stands before them", async () => {
    const path = at("limited.nii");
    await writeFile(path, encodeNifti("uint8", { slope: 0.5 }));
    expect((await readNifti(nodeStorage, path, { maxBytes: 352 + 48 })).data.byteLength).toBe(48);
    await expect(readNifti(nodeStorage, path, { maxBytes: 352 + 47 })).rejects.toThrow(
      /limited\.nii takes .* raise the limit/,
    );
  });

  it("is that of the machine where that has less memory", async () => {
    const path = at("machine.nii");
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
    const path = at("bomb.nii.gz");
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
