import { execFile } from "node:child_process";
import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { uniformStream } from "../random.js";
import type { Affine } from "../volume.js";
import type { CaseFiles } from "./cache-entry.js";
import { allocateSliceBatch } from "./slice-batch.js";
import { storeSlices } from "./store-slice.js";

import { type Content, ras, sliceOf, window, writeCase } from "./testing/cases.js";
import { openCache, testFolder } from "./testing/open-cache.js";

describe("what is read", () => {
  test("is what the files hold, slice by slice, each in its slot", async () => {
    const where = await testFolder();
    const small = await writeCase(where, "small", { shape: [1, 1, 1] });
    const cache = await openCache(where, [await writeCase(where, "a"), small]);
    expect(cache.slotPixels).toBe(8);
    expect(await sliceOf(cache, 0, 1)).toEqual({ values: [2, 3, 4, 5, 6, 7], labels: [0, 1, 2, 0, 1, 2] });
    expect(await sliceOf(cache, 1, 0)).toEqual({ values: [-4], labels: [0] });
    expect(cache.cases[0]?.labelCounts).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  test("is canonical: axes that run to the left and to the back are turned round", async () => {
    const where = await testFolder();
    const affine: Affine = [
      [-1, 0, 0, 0],
      [0, -1, 0, 0],
      [0, 0, 1, 0],
    ];
    const cache = await openCache(where, [await writeCase(where, "lps", { affine, shape: [3, 2, 1] })]);
    expect((await sliceOf(cache, 0, 0)).values).toEqual([1, 0, -1, -2, -3, -4]);
  });

  test.each([Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array])(
    "is what prediction makes of the same HU, bit by bit: %o",
    async (array) => {
      const where = await testFolder();
      let number = 0;
      const value = fc.oneof(
        fc.double({ min: -1e5, max: 1e5, noNaN: true }),
        fc.integer({ min: -2000, max: 2000 }),
        fc.constantFrom(-(2 ** 31), 1.15e6, 32_768, 2 ** 32 - 1),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(value, { minLength: 12, maxLength: 12 }), async (held) => {
          const name = `case${number++}`;
          const values = (i: number): number => held[i] ?? 0;
          const cache = await openCache(where, [await writeCase(where, name, { shape: [3, 2, 2], array, values })]);
          const batch = allocateSliceBatch(cache, 2);
          const keys = [0, 1].map((slice) => ({ case: 0, slice }));
          await cache.read(keys, batch, [{ window }]);
          const typed = array.from(held);
          const alone = storeSlices([typed.subarray(0, 6), typed.subarray(6)], cache.slotPixels, window);
          expect(batch.pixels).toEqual(alone.pixels);
          expect(batch.quantizations).toEqual(alone.quantizations);
          const read = await Promise.all(keys.map((key) => cache.values(key)));
          // int16 has no -0, which is the same HU as 0: adding 0 makes it that.
          expect(read.flatMap((each) => Array.from(each, (hu) => hu + 0))).toEqual(
            Array.from(typed, (hu) => Math.fround(hu) + 0),
          );
        }),
        { numRuns: 15 },
      );
    },
  );

  test("one voxel far away leaves the others as they are, in every slice", async () => {
    const where = await testFolder();
    const plain = (i: number): number => i * 2.3 - 11.7;
    const array = Float32Array;
    const files = [
      await writeCase(where, "plain", { array, values: plain }),
      await writeCase(where, "outlier", { array, values: (i) => (i === 3 ? 1.15e6 : plain(i)) }),
    ];
    const cache = await openCache(where, files);
    for (const slice of [0, 1]) {
      const [expected, found] = [await sliceOf(cache, 0, slice), await sliceOf(cache, 1, slice)];
      expect(found.values.filter((value) => value < 240)).toEqual(expected.values.filter((_, i) => slice || i !== 3));
      found.values.forEach((value, i) => {
        if (slice === 1 || i !== 3) expect(Math.abs(value - plain(6 * slice + i))).toBeLessThan(400 / 64_000);
      });
    }
  });
});

describe("the cache on disk", () => {
  test("is used again, and decoded again where a file or the number of classes changed", async () => {
    const where = await testFolder();
    const cases = [await writeCase(where, "a"), await writeCase(where, "b")];
    expect((await openCache(where, cases)).decoded).toBe(2);
    expect(await openCache(where, cases)).toMatchObject({ decoded: 0, reused: 2 });
    await writeCase(where, "b", { values: (i) => 100 + i });
    const changed = await openCache(where, cases);
    expect(changed).toMatchObject({ decoded: 1, reused: 1 });
    expect((await sliceOf(changed, 1, 0)).values[0]).toBe(100);
    expect((await openCache(where, cases, { classes: 4 })).decoded).toBe(2);
    await utimes(cases[0]?.label ?? "", 1, 1);
    expect((await openCache(where, cases, { classes: 4 })).decoded).toBe(1);
  });

  test("what a case holds has a hash: the same in another folder, another for another voxel, label or grid", async () => {
    const hashOf = async (content: Content): Promise<string | undefined> => {
      const where = await testFolder();
      return (await openCache(where, [await writeCase(where, "a", content)])).contentHashes.get("a");
    };
    const hash = await hashOf({});
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashOf({})).toBe(hash);
    const shifted: Affine = [ras[0], ras[1], [0, 0, 1, 5]];
    const others: Content[] = [
      { values: (i) => (i === 7 ? 99 : i - 4) },
      { labels: (i) => (i === 7 ? 0 : i % 3) },
      { affine: shifted },
    ];
    for (const other of others) expect(await hashOf(other)).not.toBe(hash);
    // As version 1 of the entries had it: runs have recorded it.
    expect(hash).toBe("77312aa979fca9a2f262c86251fd8ab2b88ae56ed2b525c090aae8fb2ecbd95a");
    const fractions = { shape: [6, 5, 4] as const, array: Float32Array, values: (i: number) => Math.sin(i) * 100 };
    expect(await hashOf(fractions)).toBe("bf0bb5de92206fce0beab65689ee5a5fd11b94302f3915f4e3deaccc29c630a8");
    // A change of the image that is small beside one of its voxels counts too.
    for (const shape of [[3, 2, 2] as const, [20, 10, 2] as const]) {
      const values = (low: number) => (i: number) => (i === 0 ? 1e9 : i === 1 ? low : i);
      const [one, other] = [values(0.25), values(0.5)].map((each) => ({ shape, array: Float32Array, values: each }));
      expect(await hashOf(one ?? {})).not.toBe(await hashOf(other ?? {}));
    }
  });

  test("an image has a hash: the same with other labels, in another type or place, another for another voxel", async () => {
    const hashOf = async (content: Content): Promise<string | undefined> => {
      const where = await testFolder();
      return (await openCache(where, [await writeCase(where, "a", content)])).imageHashes.get("a");
    };
    const hash = await hashOf({});
    const shifted: Affine = [ras[0], ras[1], [0, 0, 1, 5]];
    for (const same of [{ labels: () => 0 }, { array: Float32Array }, { affine: shifted }])
      expect(await hashOf(same)).toBe(hash);
    for (const other of [{ values: (i: number) => (i === 7 ? 99 : i - 4) }, { shape: [2, 3, 2] as const }])
      expect(await hashOf(other)).not.toBe(hash);
  });

  test("half-written files of processes that are no more are cleared away, those of living ones are not", async () => {
    const where = await testFolder();
    const cases = [await writeCase(where, "a")];
    const cache = join(where, "cache");
    await (await openCache(where, cases)).close();
    const living = await nodeStorage.replace(join(cache, "b.slices"));
    const partials = async (): Promise<string[]> => (await readdir(cache)).filter((name) => name.endsWith(".partial"));
    const [own = ""] = await partials();
    await writeFile(join(cache, own.replace(`-${process.pid}-`, "-999999999-")), "x");
    expect(await partials()).toHaveLength(2);
    await openCache(where, cases);
    expect(await partials()).toEqual([own]);
    await living.discard();
  });
});

describe("threads", () => {
  const many = async (where: string, count: number): Promise<CaseFiles[]> =>
    Promise.all(
      Array.from({ length: count }, (_, n) => {
        const next = uniformStream(n, "voxels");
        return writeCase(where, `case${n}`, { shape: [40, 30, 20], values: () => Math.floor(next() * 2000) - 1000 });
      }),
    );

  test("give the same entries as this one", async () => {
    const where = await testFolder();
    const cases = await many(where, 5);
    const seen: string[] = [];
    const threaded = await openCache(where, cases, { workers: 2, onProgress: (_d, _t, name) => seen.push(name) });
    const plain = await openCache(where, cases, { directory: join(where, "plain") });
    expect(seen.sort()).toEqual(cases.map(({ name }) => name));
    expect(threaded.cases).toEqual(plain.cases);
    expect(await sliceOf(threaded, 3, 7)).toEqual(await sliceOf(plain, 3, 7));
  });

  test.each([0, 2])("%i: every case that cannot be used is named at once, and the others are kept", async (workers) => {
    const where = await testFolder();
    const cases = await many(where, 5);
    await writeFile(cases[1]?.image ?? "", "no NIfTI");
    await rm(cases[2]?.label ?? "");
    await writeCase(where, "case4", { labels: () => 9 });
    await expect(openCache(where, cases, { workers })).rejects.toThrow(
      /^3 cases cannot be used: .*case1\.nii.*; .*case2-label\.nii is missing.*; .*case4-label\.nii holds the label 9/,
    );
    expect(
      (
        await openCache(
          where,
          [0, 3].flatMap((i) => cases[i] ?? []),
        )
      ).reused,
    ).toBe(2);
    const files = await readdir(join(where, "cache"));
    expect(files.filter((name) => !name.endsWith(".slices"))).toEqual([]);
  });

  test("stop when they are asked to", async () => {
    const where = await testFolder();
    const cases = await many(where, 6);
    const controller = new AbortController();
    const options = { workers: 2, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(openCache(where, cases, options)).rejects.toThrow(/abort/i);
    expect((await openCache(where, cases)).reused).toBeGreaterThan(0);
  });

  test("killed at any moment, what was whole is used and the rest made", async () => {
    const where = await testFolder();
    const cases = await many(where, 6);
    const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `import { SliceCache } from ${module("../../dist/index.js")};
import { nodeStorage } from ${module("../../../node/dist/index.js")};
await SliceCache.open(nodeStorage, ${JSON.stringify(cases)}, { directory: ${JSON.stringify(join(where, "cache"))}, classes: 3, channels: 1, workers: 1,
  onProgress: (done) => { if (done === 3) process.kill(process.pid, "SIGKILL"); } });`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    await expect(run).rejects.toMatchObject({ signal: "SIGKILL" });
    const cache = await openCache(where, cases);
    expect(cache.reused).toBeGreaterThanOrEqual(3);
    expect(cache.decoded).toBe(6 - cache.reused);
    expect((await sliceOf(cache, 5, 19)).labels).toHaveLength(1200);
  });
});

describe("what does not fit", () => {
  test.each([
    ["another shape", { shape: [3, 2, 3] as const }, /b-label\.nii has 3×2×3 voxels, but its image .*a\.nii has 3×2×2/],
    [
      "another place",
      { affine: [[1, 0, 0, 9], ras[1], ras[2]] as Affine },
      /b-label\.nii and its image .* up to 9\.00 mm apart/,
    ],
    ["a label that is no class", { labels: () => 9 }, /holds the label 9 at \(0, 0, 0\), expected 0 to 2/],
  ])("%s", async (_why, content, message) => {
    const where = await testFolder();
    const [a, b] = [await writeCase(where, "a"), await writeCase(where, "b", content)];
    const mixed = { name: "mixed", image: a.image, label: b.label };
    const open = openCache(where, [mixed]);
    await expect(open).rejects.toThrow(DataError);
    await expect(open).rejects.toThrow(message);
  });

  test("a file that is missing, a folder that cannot be made", async () => {
    const where = await testFolder();
    const files = await writeCase(where, "a");
    await expect(openCache(where, [{ ...files, label: join(where, "gone.nii") }])).rejects.toThrow(
      /gone\.nii is missing/,
    );
    await writeFile(join(where, "file"), "");
    await expect(openCache(where, [files], { directory: join(where, "file", "cache") })).rejects.toThrow(
      /cannot be made.*name another folder with --cache/,
    );
  });
});

test("what is odd in the files is known when they were decoded long ago, too, a sentence for all that share it", async () => {
  const where = await testFolder();
  const cases = [await writeCase(where, "a"), await writeCase(where, "b"), await writeCase(where, "c")];
  const withoutSize = async (path: string): Promise<void> => {
    const bytes = await readFile(path);
    bytes.writeFloatLE(0, 80);
    await writeFile(path, bytes);
  };
  for (const { image } of cases.slice(0, 2)) await withoutSize(image);
  await withoutSize(cases[2]?.label ?? "");
  const note = "its pixdim is 0×1×1; the size of its voxels is that of its sform";
  const expected = [`the images of a and 1 other case: ${note}`, `the label map of c: ${note}`];
  expect((await openCache(where, cases)).notes).toEqual(expected);
  const again = await openCache(where, cases);
  expect([again.decoded, again.notes]).toEqual([0, expected]);
});
