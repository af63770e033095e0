import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Ended, runCommand as run, slowHere } from "../testing/run-command.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-experiment-"));
  const drawn = { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 2 } as const;
  await writePhantom(nodeStorage, join(root, "data"), drawn);
  await writePhantom(nodeStorage, join(root, "two"), { ...drawn, channels: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const base = { size: 16, baseFeatures: 1, depth: 1, batch: 4 };
const small = {
  name: "small",
  data: "data",
  base,
  seeds: [0, 1],
  epochs: 2,
  variants: [{ name: "unet", settings: { network: { preset: "unet", skip: "add" } } }, { name: "gated" }],
};

async function fileOf(name: string, changes: object = {}): Promise<string> {
  const path = join(root, `${name}.json`);
  await writeFile(path, JSON.stringify({ ...small, ...changes }));
  return path;
}

/** The words of an experiment of four runs, and what it does when nothing stops it: trained once, whoever asks first. */
const wordsOf = (file: string, out: string) => [
  ...["experiment", file, "--out", join(root, out), "--cache", join(root, "cache")],
];
let unbroken: Promise<Ended> | undefined;
const trainedWhole = async (): Promise<Ended> => (unbroken ??= run(wordsOf(await fileOf("small"), "whole")));

// Some thirty processes.
const { kind } = await adapterChoice();

describe("an experiment", () => {
  beforeEach((context) => context.skip(kind === "swiftshader", slowHere));

  test("killed in the middle resumes with the same command and ends as one that was not", async () => {
    const file = await fileOf("small");
    const killed = await run(wordsOf(file, "killed"), (text, kill) => {
      if (text.includes("unet-seed1  epoch 1/2")) kill("SIGKILL");
    });
    expect(killed.code).toBeNull();
    const again = await run(wordsOf(file, "killed"));
    expect(again.code, again.err).toBe(0);
    expect(again.out).not.toContain("unet-seed0");
    const whole = await trainedWhole();
    expect(whole.code, whole.err).toBe(0);
    for (const name of ["unet-seed1", "gated-seed0"]) {
      const [a, b] = await Promise.all(
        ["killed", "whole"].map((out) => readFile(join(root, out, name, "checkpoints", "last.safetensors"))),
      );
      expect(a?.equals(b as Buffer)).toBe(true);
    }
    const [comparison, other] = await Promise.all(
      ["killed", "whole"].map(async (out) => JSON.parse(await readFile(join(root, out, "comparison.json"), "utf8"))),
    );
    expect(comparison.classes).toEqual(other.classes);
    expect(comparison.runs.map(({ name }: { name: string }) => name)).toEqual(["unet", "gated"]);
    const [liver] = comparison.classes;
    expect(liver.runs[0].runMeans).toHaveLength(2);
    const [first, second] = liver.runs[0].runMeans;
    expect(liver.runs[0].mean).toBeCloseTo((first + second) / 2, 12);
    for (const line of again.out.split("\n"))
      if (!line.startsWith("written")) expect(line.length).toBeLessThanOrEqual(80);
    const changed = await fileOf("changed", { epochs: 3 });
    expect(await run(wordsOf(changed, "whole")), "an experiment that has changed").toMatchObject({
      code: 1,
      err: expect.stringContaining("'epochs' is 3, was 2"),
    });
  });

  test("by successive halving, two runs at a time, on two channels: what is stopped has no more epochs", async () => {
    const file = await fileOf("halving", {
      data: "two",
      base: { ...base, inputSlices: 3 },
      seeds: [0],
      epochs: 3,
      successiveHalving: { rungs: [1], keep: 0.5, by: "loss" },
      variants: [...small.variants, { name: "wide", settings: { baseFeatures: 2 } }],
    });
    const adapters = ["--adapters", kind, kind];
    const { code, out, err } = await run(["experiment", file, "--out", join(root, "halved"), ...adapters]);
    expect(code, err).toBe(0);
    const record = JSON.parse(await readFile(join(root, "halved", "experiment.json"), "utf8"));
    const [stopped] = record.rungs[0].stopped;
    expect(["gated", "wide"]).toContain(stopped);
    expect(out).toContain(`after 1 epoch: ${stopped} stop, the others continue`);
    const lines = async (name: string): Promise<number> =>
      (await readFile(join(root, "halved", `${name}-seed0`, "metrics.jsonl"), "utf8")).trim().split("\n").length;
    expect([await lines(stopped), await lines("unet")]).toEqual([1, 3]);
    expect(record.runs.map(({ state }: { state: string }) => state).sort()).toEqual(["done", "done", "stopped"]);
  });

  test("by two workers, of which one is killed: the other resumes its run, and all is as one process has it", async () => {
    expect(await trainedWhole()).toMatchObject({ code: 0 });
    const words = [...wordsOf(await fileOf("small"), "by two"), "--array"];
    const [killed, other] = await Promise.all([
      run(words, (text, kill) => {
        if (text.includes("epoch 1/2")) kill("SIGKILL");
      }),
      run(words),
    ]);
    expect([killed.code, other.code], other.err).toEqual([null, 0]);
    for (const name of ["experiment.json", "cases.csv"]) {
      const [own, serial] = await Promise.all(
        ["by two", "whole"].map((out) => readFile(join(root, out, name), "utf8")),
      );
      expect(own, name).toBe(serial);
    }
    const classesOf = async (out: string) =>
      JSON.parse(await readFile(join(root, out, "comparison.json"), "utf8")).classes;
    expect(await classesOf("by two")).toEqual(await classesOf("whole"));
    for (const name of ["unet-seed0", "unet-seed1", "gated-seed0", "gated-seed1"]) {
      const [a, b] = await Promise.all(
        ["by two", "whole"].map((out) => readFile(join(root, out, name, "checkpoints", "last.safetensors"))),
      );
      expect(a?.equals(b as Buffer), name).toBe(true);
    }
  });

  test("--dry-run shows what it costs and writes nothing", async () => {
    const { code, out } = await run(["experiment", await fileOf("dry"), "--dry-run", "--out", join(root, "dry")]);
    expect(code).toBe(0);
    expect(out).toMatch(/^unet +\d+ +[\d.]+ +\d+ +\d+ +\d+$/m);
    expect(out).toContain("4 runs of 2 epochs");
    await expect(readFile(join(root, "dry", "experiment.json"))).rejects.toThrow();
  });
});

test.each<[what: string, changes: object, message: RegExp]>([
  ["no data", { data: "nowhere" }, /nowhere cannot be opened/],
  ["more folds than cases", { folds: 9 }, /^lobule: 4 cases cannot be split into 9 folds; take at most 4$/],
  [
    "an unknown network",
    { base: { network: { preset: "vnet" } } },
    /'network\.preset' \(line 1\) needs one of unet, .*, got 'vnet'/,
  ],
  ["one variant", { variants: [{ name: "a" }], seeds: [0], epochs: 1 }, /nothing to compare/],
  [
    "a last variant's model that is missing",
    { variants: [...small.variants, { name: "own", settings: { model: "nowhere.ts" } }] },
    /lobule: the variant 'own': .*nowhere\.ts is missing; give a \.ts or \.js file that exports a model/,
  ],
  [
    "a run to begin with that is missing",
    { variants: [...small.variants, { name: "more", settings: { init: "nowhere" } }] },
    /lobule: the variant 'more': .*lobule-experiment-\w+\/nowhere: there is no such file or folder/,
  ],
  ["an unknown setting", { budget: 3 }, /'budget' \(line 1\) is no setting; leave it out/],
])("%s: one sentence, exit code 1, no stack", async (what, changes, message) => {
  const file = await fileOf(what, changes);
  const { code, out, err } = await run(["experiment", file, "--out", join(root, what), "--cache", join(root, "cache")]);
  expect(code).toBe(1);
  const own = err.split("\n").filter((line) => line !== "" && !line.startsWith("Warning: max"));
  expect(own).toHaveLength(1);
  expect(own[0]).toMatch(message);
  expect(out + err).not.toMatch(/\n\s+at /);
});
