import { execFile } from "node:child_process";
import { mkdtemp, open, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { DataError } from "../data-error.js";
import { PartialFile } from "../files/partial-file.js";
import { writeNifti } from "../nifti/write-nifti.js";
import { uniformStream } from "../random.js";
import type { Affine, VoxelArray } from "../volume.js";
import type { CaseFiles } from "./cache-entry.js";
import { allocateSliceBatch, SliceCache, type SliceCacheOptions } from "./slice-cache.js";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "lobule-cache-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const ras: Affine = [
  [1, 0, 0, 0],
  [0, 1, 0, 0],
  [0, 0, 1, 0],
];

interface Content {
  readonly shape?: readonly [number, number, number];
  readonly affine?: Affine;
  readonly values?: (index: number) => number;
  readonly labels?: (index: number) => number;
  readonly array?: new (length: number) => VoxelArray;
}

async function writeCase(where: string, name: string, content: Content = {}): Promise<CaseFiles> {
  const { shape = [3, 2, 2], affine = ras, values = (i) => i - 4, labels = (i) => i % 3, array = Int16Array } = content;
  const grid = { shape, spacing: [1, 1, 1] as const, affine };
  const files = { name, image: join(where, `${name}.nii`), label: join(where, `${name}-label.nii`) };
  const length = shape[0] * shape[1] * shape[2];
  const filled = <Voxels extends VoxelArray>(out: Voxels, value: (index: number) => number): Voxels => {
    for (let i = 0; i < length; i++) out[i] = value(i);
    return out;
  };
  await writeNifti(files.image, { ...grid, data: filled(new array(length), values) });
  await writeNifti(files.label, { ...grid, data: filled(new Uint8Array(length), labels) });
  return files;
}

const opened = async (
  where: string,
  cases: readonly CaseFiles[],
  options: Partial<SliceCacheOptions> = {},
): Promise<SliceCache> => {
  const cache = await SliceCache.open(cases, { directory: join(where, "cache"), classes: 3, workers: 0, ...options });
  onTestFinished(() => cache.close());
  return cache;
};

/** HU and labels of one slice. */
async function sliceOf(cache: SliceCache, number: number, slice: number) {
  const batch = allocateSliceBatch(cache, 2);
  await cache.read(
    [
      { case: number, slice: 0 },
      { case: number, slice },
    ],
    batch,
  );
  const found = cache.cases[number];
  if (found === undefined) throw new RangeError("no such case");
  const size = found.shape[0] * found.shape[1];
  const at = cache.slotPixels;
  const pixels = new Int16Array(batch.pixels.buffer).slice(at, at + size);
  return {
    values: Array.from(pixels, (stored) => stored * found.scale + found.offset),
    labels: [...new Uint8Array(batch.labels.buffer).slice(at, at + size)],
  };
}

describe("what is read", () => {
  test("is what the files hold, slice by slice, each in its slot", async () => {
    const where = await folder();
    const small = await writeCase(where, "small", { shape: [1, 1, 1] });
    const cache = await opened(where, [await writeCase(where, "a"), small]);
    expect(cache.slotPixels).toBe(8);
    expect(await sliceOf(cache, 0, 1)).toEqual({ values: [2, 3, 4, 5, 6, 7], labels: [0, 1, 2, 0, 1, 2] });
    expect(await sliceOf(cache, 1, 0)).toEqual({ values: [-4], labels: [0] });
    expect(cache.cases[0]?.labelCounts).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });

  test("is canonical: axes that run to the left and to the back are turned round", async () => {
    const where = await folder();
    const affine: Affine = [
      [-1, 0, 0, 0],
      [0, -1, 0, 0],
      [0, 0, 1, 0],
    ];
    const cache = await opened(where, [await writeCase(where, "lps", { affine, shape: [3, 2, 1] })]);
    expect((await sliceOf(cache, 0, 0)).values).toEqual([1, 0, -1, -2, -3, -4]);
  });

  test("values of any type come back within the stated error", async () => {
    const where = await folder();
    let number = 0;
    const value = fc.double({ min: -1e5, max: 1e5, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(value, { minLength: 6, maxLength: 6 }), fc.boolean(), async (values, whole) => {
        const held = whole ? values.map((each) => Math.round(each / 10)) : values;
        const array = whole ? Int32Array : Float64Array;
        const name = `case${number++}`;
        const files = await writeCase(where, name, { shape: [3, 2, 1], array, values: (i) => held[i] ?? 0 });
        const cache = await opened(where, [files]);
        const range = Math.max(...held) - Math.min(...held);
        const { values: back } = await sliceOf(cache, 0, 0);
        back.forEach((each, i) => {
          expect(Math.abs(each - (held[i] ?? 0))).toBeLessThanOrEqual(range / 131_000 + 1e-9);
        });
      }),
      { numRuns: 25 },
    );
  });
});

describe("the cache on disk", () => {
  test("is used again, and made anew where a file or the number of classes changed", async () => {
    const where = await folder();
    const cases = [await writeCase(where, "a"), await writeCase(where, "b")];
    expect((await opened(where, cases)).decoded).toBe(2);
    expect(await opened(where, cases)).toMatchObject({ decoded: 0, reused: 2 });
    await writeCase(where, "b", { values: (i) => 100 + i });
    const changed = await opened(where, cases);
    expect(changed).toMatchObject({ decoded: 1, reused: 1 });
    expect((await sliceOf(changed, 1, 0)).values[0]).toBe(100);
    expect((await opened(where, cases, { classes: 4 })).decoded).toBe(2);
    await utimes(cases[0]?.label ?? "", 1, 1);
    expect((await opened(where, cases, { classes: 4 })).decoded).toBe(1);
  });

  test("what a case holds has a hash: the same in another folder, another for another voxel, label or grid", async () => {
    const hashOf = async (content: Content): Promise<string | undefined> => {
      const where = await folder();
      return (await opened(where, [await writeCase(where, "a", content)])).contentHashes.get("a");
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
  });

  test("an image has a hash: the same with other labels, in another type or place, another for another voxel", async () => {
    const hashOf = async (content: Content): Promise<string | undefined> => {
      const where = await folder();
      return (await opened(where, [await writeCase(where, "a", content)])).imageHashes.get("a");
    };
    const hash = await hashOf({});
    const shifted: Affine = [ras[0], ras[1], [0, 0, 1, 5]];
    for (const same of [{ labels: () => 0 }, { array: Float32Array }, { affine: shifted }])
      expect(await hashOf(same)).toBe(hash);
    for (const other of [{ values: (i: number) => (i === 7 ? 99 : i - 4) }, { shape: [2, 3, 2] as const }])
      expect(await hashOf(other)).not.toBe(hash);
  });

  test("an entry that is cut off or garbled is made anew; one with a flipped bit is found when it is read", async () => {
    const where = await folder();
    const cases = [await writeCase(where, "a")];
    await (await opened(where, cases)).close();
    const [name = ""] = await readdir(join(where, "cache"));
    const path = join(where, "cache", name);
    const { size } = await stat(path);
    await truncate(path, size - 1);
    expect((await opened(where, cases)).decoded).toBe(1);
    await writeFile(path, "garbage");
    expect((await opened(where, cases)).decoded).toBe(1);
    const file = await open(path, "r+");
    await file.write(Uint8Array.of(0xff), 0, 1, size - 1);
    await file.close();
    const damaged = await opened(where, cases);
    expect(damaged.decoded).toBe(0);
    await expect(sliceOf(damaged, 0, 1)).rejects.toThrow(/entry .* was damaged and has been removed; start again/);
    expect((await opened(where, cases)).decoded).toBe(1);
  });

  test("half-written files of processes that are no more are cleared away, those of living ones are not", async () => {
    const where = await folder();
    const cases = [await writeCase(where, "a")];
    const cache = join(where, "cache");
    await (await opened(where, cases)).close();
    const living = await PartialFile.create(join(cache, "b.slices"));
    const partials = async (): Promise<string[]> => (await readdir(cache)).filter((name) => name.endsWith(".partial"));
    const [own = ""] = await partials();
    await writeFile(join(cache, own.replace(`-${process.pid}-`, "-999999999-")), "x");
    expect(await partials()).toHaveLength(2);
    await opened(where, cases);
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
    const where = await folder();
    const cases = await many(where, 5);
    const seen: string[] = [];
    const threaded = await opened(where, cases, { workers: 2, onProgress: (_d, _t, name) => seen.push(name) });
    const plain = await opened(where, cases, { directory: join(where, "plain") });
    expect(seen.sort()).toEqual(cases.map(({ name }) => name));
    expect(threaded.cases).toEqual(plain.cases);
    expect(await sliceOf(threaded, 3, 7)).toEqual(await sliceOf(plain, 3, 7));
  });

  test.each([0, 2])("%i: every case that cannot be used is named at once, and the others are kept", async (workers) => {
    const where = await folder();
    const cases = await many(where, 5);
    await writeFile(cases[1]?.image ?? "", "no NIfTI");
    await rm(cases[2]?.label ?? "");
    await writeCase(where, "case4", { labels: () => 9 });
    await expect(opened(where, cases, { workers })).rejects.toThrow(
      /^3 cases cannot be used: .*case1\.nii.*; .*case2-label\.nii is missing.*; .*case4-label\.nii holds the label 9/,
    );
    expect(
      (
        await opened(
          where,
          [0, 3].flatMap((i) => cases[i] ?? []),
        )
      ).reused,
    ).toBe(2);
    const files = await readdir(join(where, "cache"));
    expect(files.filter((name) => !name.endsWith(".slices"))).toEqual([]);
  });

  test("stop when they are asked to", async () => {
    const where = await folder();
    const cases = await many(where, 6);
    const controller = new AbortController();
    const options = { workers: 2, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(opened(where, cases, options)).rejects.toThrow(/abort/i);
    expect((await opened(where, cases)).reused).toBeGreaterThan(0);
  });

  test("killed at any moment, what was whole is used and the rest made", async () => {
    const where = await folder();
    const cases = await many(where, 6);
    const module = new URL("../../dist/cache/slice-cache.js", import.meta.url).href;
    const script = `import { SliceCache } from ${JSON.stringify(module)};
await SliceCache.open(${JSON.stringify(cases)}, { directory: ${JSON.stringify(join(where, "cache"))}, classes: 3, workers: 1,
  onProgress: (done) => { if (done === 3) process.kill(process.pid, "SIGKILL"); } });`;
    const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
    await expect(run).rejects.toMatchObject({ signal: "SIGKILL" });
    const cache = await opened(where, cases);
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
    const where = await folder();
    const [a, b] = [await writeCase(where, "a"), await writeCase(where, "b", content)];
    const mixed = { name: "mixed", image: a.image, label: b.label };
    const open = opened(where, [mixed]);
    await expect(open).rejects.toThrow(DataError);
    await expect(open).rejects.toThrow(message);
  });

  test("a file that is missing, a folder that cannot be made", async () => {
    const where = await folder();
    const files = await writeCase(where, "a");
    await expect(opened(where, [{ ...files, label: join(where, "gone.nii") }])).rejects.toThrow(/gone\.nii is missing/);
    await writeFile(join(where, "file"), "");
    await expect(opened(where, [files], { directory: join(where, "file", "cache") })).rejects.toThrow(
      /cannot be made.*name another folder with --cache/,
    );
  });
});
