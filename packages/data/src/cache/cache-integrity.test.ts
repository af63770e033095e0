import { open, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { type EntryHeader, encodeHeader, fingerprintOf, parseHeader, parsePrefix, prefixBytes } from "./cache-entry.js";
import { decodeCase } from "./decode-case.js";
import { SliceCache } from "./slice-cache.js";

import { sliceOf, writeCase } from "./testing/cases.js";
import { openCache, testFolder } from "./testing/open-cache.js";

test("an entry that is cut off or garbled is decoded again; one with a flipped bit is found when it is read", async () => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a")];
  await (await openCache(where, cases)).close();
  const [name = ""] = await readdir(join(where, "cache"));
  const path = join(where, "cache", name);
  const { size } = await stat(path);
  await truncate(path, size - 1);
  expect((await openCache(where, cases)).decoded).toBe(1);
  await writeFile(path, "garbage");
  expect((await openCache(where, cases)).decoded).toBe(1);
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(0xff), 0, 1, size - 1);
  await file.close();
  const damaged = await openCache(where, cases);
  expect(damaged.decoded).toBe(0);
  await expect(sliceOf(damaged, 0, 1)).rejects.toThrow(/entry .* was damaged and has been removed; start again/);
  expect((await openCache(where, cases)).decoded).toBe(1);
});

test.each([Int16Array, Float32Array])(
  "a changed byte of an entry is noticed, or changes nothing that is read: %o",
  async (array) => {
    const where = await testFolder();
    const cases = [await writeCase(where, "a", { array, values: (i) => (array === Float32Array ? i / 3 : i) })];
    const first = await openCache(where, cases);
    const expected = { cases: first.cases, slices: [await sliceOf(first, 0, 0), await sliceOf(first, 0, 1)] };
    await first.close();
    const [name = ""] = await readdir(join(where, "cache"));
    const path = join(where, "cache", name);
    const sound = await readFile(path);
    const flips = fc.record({ at: fc.nat(sound.length - 1), by: fc.integer({ min: 1, max: 255 }) });
    const check = async ({ at, by }: { at: number; by: number }): Promise<void> => {
      const bytes = Uint8Array.from(sound);
      bytes[at] = (bytes[at] ?? 0) ^ by;
      await writeFile(path, bytes);
      const cache = await SliceCache.open(nodeStorage, cases, {
        directory: join(where, "cache"),
        classes: 3,
        channels: 1,
        workers: 0,
      });
      try {
        const slices = [await sliceOf(cache, 0, 0), await sliceOf(cache, 0, 1)];
        expect({ cases: cache.cases, slices }).toEqual(expected);
        expect(cache.decoded).toBe(1);
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        expect(error.message).toMatch(/was damaged and has been removed/);
      } finally {
        await cache.close();
      }
    };
    await fc.assert(fc.asyncProperty(flips, check), { numRuns: 40 });
    // Of an entry that is cut anywhere nothing is used.
    for (let size = 0; size < sound.length; size += 97) {
      await writeFile(path, sound.subarray(0, size));
      expect((await openCache(where, cases)).decoded).toBe(1);
    }
  },
);

test("no bit of a header can change unnoticed", () => {
  const { packing } = nodeStorage;
  const sound = encodeHeader(packing, {
    fingerprint: "a",
    contentHash: "b",
    imageHash: "c",
    notes: [],
    shape: [2, 1, 1],
    spacing: [1, 1, 1],
    affine: [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ],
    pixels: "int16",
    labelCounts: [[1, 1]],
    checksums: [7],
  });
  /** The header of an entry's first bytes, and where its slices begin. */
  const parsed = (bytes: Uint8Array) => {
    const prefix = parsePrefix(bytes.subarray(0, prefixBytes));
    if (prefix === undefined || prefixBytes + prefix.length > bytes.length) return undefined;
    return parseHeader(packing, bytes.subarray(prefixBytes, prefixBytes + prefix.length), prefix.checksum);
  };
  const followed = (bytes: Uint8Array): Uint8Array => Uint8Array.of(...bytes, ...new Uint8Array(600));
  expect(parsed(followed(sound))?.pixels).toBe("int16");
  for (let bit = 0; bit < 8 * sound.length; bit++) {
    const bytes = Uint8Array.from(sound);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(parsed(followed(bytes)), `bit ${bit}`).toBeUndefined();
  }
});

test.each<[string, (header: EntryHeader) => EntryHeader]>([
  ["counts of labels", (header) => ({ ...header, labelCounts: header.labelCounts.map(() => [6, 6, 6]) })],
  ["as many classes", (header) => ({ ...header, labelCounts: header.labelCounts.map(() => [6]) })],
  ["a checksum a slice", (header) => ({ ...header, checksums: header.checksums.slice(1) })],
  ["extents", (header) => ({ ...header, shape: [3.5, 2, 2] })],
  ["a spacing", (header) => ({ ...header, spacing: [0, 1, 1] })],
  ["pixels that fill the file", (header) => ({ ...header, pixels: "float32" })],
])("a header whose checksum is right but which lacks %s is not used", async (_what, change) => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a")];
  await (await openCache(where, cases)).close();
  const [name = ""] = await readdir(join(where, "cache"));
  const path = join(where, "cache", name);
  const sound = await readFile(path);
  const { length = 0, checksum = 0 } = parsePrefix(sound.subarray(0, prefixBytes)) ?? {};
  const header = parseHeader(nodeStorage.packing, sound.subarray(prefixBytes, prefixBytes + length), checksum);
  if (header === undefined) throw new Error("the entry is not sound");
  await writeFile(
    path,
    Buffer.concat([encodeHeader(nodeStorage.packing, change(header)), sound.subarray(prefixBytes + length)]),
  );
  expect((await openCache(where, cases)).decoded).toBe(1);
});

test("another content of the same size and time is noticed: written in place, or another file under the name", async () => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a")];
  const image = cases[0]?.image ?? "";
  await utimes(image, 1, 1);
  await openCache(where, cases);
  const other = await writeCase(where, "b", { values: (i) => 50 + i });
  await writeFile(image, await readFile(other.image));
  await utimes(image, 1, 1);
  const inPlace = await openCache(where, cases);
  expect(inPlace.decoded).toBe(1);
  expect((await sliceOf(inPlace, 0, 0)).values[0]).toBe(50);
  const third = await writeCase(where, "c", { values: (i) => 70 + i });
  await utimes(third.image, 1, 1);
  await rename(third.image, image);
  const replaced = await openCache(where, cases);
  expect(replaced.decoded).toBe(1);
  expect((await sliceOf(replaced, 0, 0)).values[0]).toBe(70);
});

test("an entry that another process replaces meanwhile is neither read nor removed", async () => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a")];
  const cache = await openCache(where, cases);
  const other = await openCache(where, cases, { classes: 4 });
  await expect(sliceOf(cache, 0, 0)).rejects.toThrow(/was replaced or changed by another process; start again/);
  expect((await sliceOf(other, 0, 0)).labels).toEqual([0, 1, 2, 0, 1, 2]);
});

test("a file that changes while it is read makes no entry", async () => {
  const where = await testFolder();
  const files = await writeCase(where, "a");
  const path = join(where, "a.slices");
  const before = await fingerprintOf(nodeStorage, files, { classes: 3 });
  await writeCase(where, "a", { values: (i) => 50 + i });
  const decoding = decodeCase(nodeStorage, { files, classes: 3, fingerprint: before, path });
  await expect(decoding).rejects.toThrow(/a\.nii or its labels changed while they were read; start again/);
  expect((await readdir(where)).filter((name) => name.startsWith("a.slices"))).toEqual([]);
});

test("verified, entries that hold something else than their files are replaced and named", async () => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a"), await writeCase(where, "b")];
  await (await openCache(where, cases)).close();
  expect(await openCache(where, cases, { verify: true })).toMatchObject({ decoded: 0, reused: 2, corrected: [] });
  const names = (await readdir(join(where, "cache"))).sort();
  const path = join(where, "cache", names[1] ?? "");
  const bytes = await readFile(path);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(path, bytes);
  for (const workers of [0, 2]) {
    await writeFile(path, bytes);
    const verified = await openCache(where, cases, { verify: true, workers });
    expect(verified).toMatchObject({ decoded: 1, reused: 1, corrected: ["b"] });
    expect((await sliceOf(verified, 1, 1)).values).toEqual([2, 3, 4, 5, 6, 7]);
  }
  await rm(path);
  expect(await openCache(where, cases, { verify: true })).toMatchObject({ decoded: 1, reused: 1, corrected: [] });
});
