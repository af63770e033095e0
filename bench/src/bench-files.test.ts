import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BenchFile, checkComparable, compareFiles } from "./bench-files.js";
import { readBenchFile } from "./read-bench-file.js";
import { changeTable } from "./tables.js";
import { type Timing, timingOf } from "./timing.js";

const timing = (name: string, milliseconds: number): Timing => timingOf(name, [milliseconds, milliseconds]);

const result: BenchFile = {
  format: "lobule-bench-1",
  benchmark: "peers",
  adapter: "a GPU",
  environment: {},
  details: undefined,
  settings: { preset: "liver", precision: "f32", recompute: false },
  timings: [timing("Lobule, training step", 100)],
  beside: [timing("PyTorch, training step", 200)],
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-bench-files-"));
});
afterAll(() => rm(folder, { recursive: true }));

const written = async (content: string): Promise<string> => {
  const path = join(folder, "result.json");
  await writeFile(path, content);
  return path;
};

describe("a result that was kept", () => {
  test("is read back as far as it is compared", async () => {
    const { adapter, settings, timings } = await readBenchFile(await written(JSON.stringify(result)));
    expect({ adapter, settings }).toEqual({ adapter: "a GPU", settings: result.settings });
    expect(timings.map(({ name }) => name)).toEqual(["Lobule, training step", "PyTorch, training step"]);
  });

  test.each([
    ["no JSON", "{", "is not valid JSON"],
    ["something else", JSON.stringify({ format: "other" }), "is no result of a benchmark"],
    ["a result without timings", JSON.stringify({ ...result, timings: undefined }), "is no result of a benchmark"],
    ["timings in no list", JSON.stringify({ ...result, timings: result.timings[0] }), "is no result of a benchmark"],
    ["a time that is none", JSON.stringify({ ...result, timings: [{ name: "x" }] }), "is no result of a benchmark"],
  ])("%s is refused, with the file's name", async (_, content, why) => {
    const path = await written(content);
    await expect(readBenchFile(path)).rejects.toThrow(new RegExp(`^${path}:? ${why}`));
  });

  test("one of an earlier version, without settings and others of its own, is read", async () => {
    const path = await written(JSON.stringify({ ...result, settings: null, beside: undefined }));
    expect((await readBenchFile(path)).settings).toEqual({});
  });

  test("a file that is not there is refused", async () => {
    await expect(readBenchFile(join(folder, "none.json"))).rejects.toThrow("none.json is missing");
  });
});

describe("compared with a new one", () => {
  test("another adapter or other settings are refused", () => {
    const check = (change: object): void => checkComparable({ ...result, ...change }, result, "old.json");
    expect(() => check({})).not.toThrow();
    expect(() => check({ adapter: "another" })).toThrow("old.json was measured on another adapter (another)");
    expect(() => check({ settings: { ...result.settings, precision: "f16" } })).toThrow(
      "old.json was measured with precision f16, this would be with f32",
    );
  });

  test("only ours can be slower beyond noise; what others did is shown", () => {
    const timings = [timing("Lobule, training step", 150)];
    const beside = [timing("PyTorch, training step", 300)];
    const comparison = compareFiles(
      { ...result, timings: [...result.timings, ...result.beside] },
      { ...result, timings, beside },
    );
    expect(changeTable(comparison, "old.json").split("\n")).toEqual([
      "against old.json:",
      expect.stringMatching(/^Lobule, training step +1\.50× {2}slower beyond noise$/),
      "others, which do not count:",
      expect.stringMatching(/^PyTorch, training step +1\.50×$/),
    ]);
  });
});
