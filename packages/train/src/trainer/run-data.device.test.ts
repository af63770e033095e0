import { cp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RunFolder } from "../run/run-folder.js";
import type { TrainingConfig } from "./config-schema.js";
import { type OpenRun, resumeRun, startRun } from "./open-run.js";
import { planRun } from "./plan-run.js";
import { prepareData } from "./prepare-data.js";
import { TestRuns } from "./testing.js";

let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open();
});
afterAll(() => runs.close());

describe("workload.json", () => {
  const workloadOf = async (name: string) => {
    const workload = await (await RunFolder.open(nodeStorage, join(runs.root, name))).readWorkload();
    if (workload === null) throw new Error(`${name} has no workload.json`);
    return workload;
  };

  test("has the hash of every case, and a step by its plan: the program that the run trains with", async () => {
    const run = await startRun(runs.config(), join(runs.root, "workload"), {}, runs.request());
    await run.close();
    const { cases, step } = await workloadOf("workload");
    expect(Object.keys(cases).sort()).toEqual([...run.data.split.training, ...run.data.split.validation].sort());
    expect(cases).toEqual(Object.fromEntries(run.data.cache.contentHashes));
    expect(step.peakBytes).toBe(run.bytes);
    expect(step.slices).toBe(4);
    const sizes = run.trainer.network.parameters().map(({ shape }) => shape.reduce((size, extent) => size * extent, 1));
    expect(step.parameters).toBe(sizes.reduce((sum, size) => sum + size, 0));
    expect(step.flops).toBeGreaterThan(2 * 3 * 16 * 16 * 4);
    // The same is told from headers alone.
    const plan = await planRun(nodeStorage, runs.config(), { kernels: runs.device.kernels });
    expect(plan.step).toEqual(step);
    expect(plan.split).toEqual(run.data.split);
    expect(plan).toMatchObject({ slices: run.trainer.slices.training, steps: 2 * Math.ceil(plan.slices / 4) });
  });

  test("a batch in parts does the work of the whole one and more for its update; the largest part fits in less", async () => {
    const stepOf = async (name: string, changes: Partial<TrainingConfig>) => {
      const run = await startRun(runs.config(changes), join(runs.root, name), {}, runs.request());
      await run.close();
      return (await workloadOf(name)).step;
    };
    const whole = await stepOf("step whole", { batch: 5 });
    const parts = await stepOf("step in parts", { batch: 5, microBatch: 2 });
    expect(parts.slices).toBe(5);
    expect(parts.parameters).toBe(whole.parameters);
    expect(parts.bytes).toBeGreaterThan(whole.bytes);
    // Statistics, weights and their gradients are handled once a part: a little more than the same work.
    expect(parts.flops / whole.flops).toBeGreaterThan(1);
    expect(parts.flops / whole.flops).toBeLessThan(1.5);
    expect(parts.peakBytes).toBeLessThan(whole.peakBytes);
  });

  test("a run of a version without it gets it when it is resumed", async () => {
    await runs.trained("older", runs.config({ epochs: 1 }));
    const before = await workloadOf("older");
    await rm(join(runs.root, "older", "workload.json"));
    expect(await (await RunFolder.open(nodeStorage, join(runs.root, "older"))).readWorkload()).toBeNull();
    await runs.resumed("older");
    expect(await workloadOf("older")).toEqual(before);
  });
});

test("the slice cache is compared with the files where that is asked for, and what was found is said", async () => {
  const cacheDirectory = join(runs.root, "verified cache");
  const notesOf = async (): Promise<readonly string[]> => {
    const data = await prepareData(nodeStorage, runs.config(), { cacheDirectory, workers: 0, verifyCache: true });
    await data.cache.close();
    return data.notes;
  };
  const agree = /^the slice cache has been compared with the files: (\d) entries agree/;
  expect(await notesOf()).toContain(
    "the slice cache has been compared with the files: 0 entries agree, 5 were missing and have been made",
  );
  expect((await notesOf()).find((note) => agree.test(note))).toMatch(/: 5 entries agree$/);
  const [entry = ""] = (await readdir(cacheDirectory)).filter((name) => name.startsWith("phantom_003"));
  const bytes = await readFile(join(cacheDirectory, entry));
  bytes[bytes.length - 1] = 2;
  await writeFile(join(cacheDirectory, entry), bytes);
  expect((await notesOf()).find((note) => agree.test(note))).toMatch(
    /: 4 entries agree; replaced because they held something else: phantom_003$/,
  );
});

describe("a folder that has changed", () => {
  test("a case that holds something else by now is named, and the run is not resumed", async () => {
    const data = join(runs.root, "replaced");
    await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await runs.trained("replaced run", runs.config({ data, epochs: 1 }));
    await rm(data, { recursive: true });
    await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 2 });
    await expect(runs.resumed("replaced run")).rejects.toThrow(
      /the case phantom_00\d of .*replaced does not hold what it held when .*replaced run began; restore it, name the folder/,
    );
  });

  test("that moved is followed to the same bytes if it holds the same, and its path is kept", async () => {
    const [from, to, cache] = [join(runs.root, "before"), join(runs.root, "after"), join(runs.root, "cache of moved")];
    await writePhantom(nodeStorage, from, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    const request = () => ({ ...runs.request(), cacheDirectoryOf: (data: string) => `${cache} ${basename(data)}` });
    const ended = async (run: OpenRun): Promise<OpenRun> => {
      await run.run();
      await run.close();
      return run;
    };
    const config = runs.config({ data: from });
    await ended(await startRun(config, join(runs.root, "unbroken"), {}, request()));
    await ended(await startRun(config, join(runs.root, "moved"), {}, { ...request(), pauseAfter: 1 }));
    await rename(from, to);
    await expect(resumeRun(join(runs.root, "moved"), request())).rejects.toThrow(
      /before.*; if the data have moved, name their folder by --data/,
    );
    const run = await ended(await resumeRun(join(runs.root, "moved"), { ...request(), data: to }));
    expect(run.data.notes.join()).toContain(`the run's data are in ${to} now`);
    expect(await runs.bytesOf("moved", "last")).toEqual(await runs.bytesOf("unbroken", "last"));
    expect((await RunFolder.open(nodeStorage, join(runs.root, "moved"))).config).toMatchObject({ data: to });
  });

  test("another folder with cases of the same names is refused, and the run is as it was", async () => {
    const other = join(runs.root, "other data");
    await writePhantom(nodeStorage, other, { cases: 5, testCases: 0, size: 16, slices: [3, 5], seed: 99 });
    await runs.trained("kept", runs.config({ epochs: 1 }));
    const before = await readFile(join(runs.root, "kept", "config.json"), "utf8");
    const request = { ...runs.request(), cacheDirectoryOf: () => join(runs.root, "cache of other"), data: other };
    await expect(resumeRun(join(runs.root, "kept"), request)).rejects.toThrow(
      /the case phantom_00\d of .*other data does not hold what it held when .*kept began/,
    );
    expect(await readFile(join(runs.root, "kept", "config.json"), "utf8")).toBe(before);
  });

  test("whose labels have other names or another order by now is refused with both", async () => {
    const data = join(runs.root, "renamed");
    await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await runs.trained("renamed run", runs.config({ data, epochs: 1 }));
    const path = join(data, "dataset.json");
    const json = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...json, labels: { 0: "background", 1: "cancer", 2: "liver" } }));
    await expect(runs.resumed("renamed run")).rejects.toThrow(
      /the labels in .*renamed\/dataset\.json \(0 background, 1 cancer, 2 liver\) are not those that the run was begun with \(0 background, 1 liver, 2 cancer\)/,
    );
  });

  test("in which a scan is both trained and validated on says so", async () => {
    const data = join(runs.root, "twice");
    await writePhantom(nodeStorage, data, { cases: 2, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await cp(join(data, "imagesTr", "phantom_001.nii.gz"), join(data, "imagesTr", "phantom_002.nii.gz"));
    await cp(join(data, "labelsTr", "phantom_001.nii.gz"), join(data, "labelsTr", "phantom_002.nii.gz"));
    const request = { ...runs.request(), cacheDirectoryOf: () => join(runs.root, "cache of twice") };
    const run = await startRun(runs.config({ data }), join(runs.root, "twice run"), {}, request);
    await run.close();
    expect(run.data.notes.join()).toMatch(
      /the validation case phantom_00\d has the image of the training case phantom_00\d, so it is not held out/,
    );
  });

  test("a case of the split that is gone is named", async () => {
    const data = join(runs.root, "fewer");
    await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 16, slices: [2, 2], seed: 1 });
    await runs.trained("lost", runs.config({ data, epochs: 1 }));
    const path = join(data, "dataset.json");
    const json = JSON.parse(await readFile(path, "utf8"));
    await writeFile(path, JSON.stringify({ ...json, training: json.training.slice(1) }));
    await expect(runs.resumed("lost")).rejects.toThrow(
      /the case phantom_001 of this run's split is not there any more/,
    );
  });

  test("labels that are no class are named", async () => {
    const data = join(runs.root, "labels");
    const written = await writePhantom(nodeStorage, data, {
      cases: 2,
      testCases: 0,
      size: 16,
      slices: [2, 2],
      seed: 1,
    });
    expect(written.cases).toBe(2);
    const grid = {
      shape: [16, 16, 2],
      spacing: [1, 1, 1],
      affine: [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
      ],
    } as const;
    await writeNifti(nodeStorage, join(data, "labelsTr", "phantom_001.nii.gz"), {
      ...grid,
      data: new Uint8Array(512).fill(7),
    });
    await expect(runs.trained("wrong", runs.config({ data }))).rejects.toThrow(/phantom_001/);
  });
});
