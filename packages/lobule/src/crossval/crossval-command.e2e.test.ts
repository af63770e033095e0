import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { writePhantom } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCommandLine } from "../command-line/parse.js";
import { commands } from "../commands.js";
import { runCommand as run, slowHere } from "../testing/run-command.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const settings = ["--network", "unet", "--skip", "add", "--size", "16", "--base-features", "1", "--depth", "1"];
const crossval = (out: string, ...more: string[]): string[] => [
  ...["crossval", at("data"), "-o", at(out), "--cache", at("cache"), "--folds", "2", "--epochs", "2", "--batch", "4"],
  ...["--limit-cases", "4", ...settings],
  ...more,
];
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-crossval-"));
  await writePhantom(nodeStorage, at("data"), { cases: 5, testCases: 1, size: 16, slices: [3, 4], seed: 2 });
  for (const name of ["run/config.json", "table/cases.csv"]) {
    await mkdir(dirname(at(name)));
    await writeFile(at(name), "{}");
  }
  await writeFile(at("fold.yaml"), "fold: { index: 0, of: 2 }\n");
  await mkdir(at("planned"));
  await writeFile(at("planned", "plan.yaml"), "data: /elsewhere\nnormalization: image\n");
});
afterAll(() => rm(root, { recursive: true, force: true }));

const { kind } = await adapterChoice();

describe("a cross-validation", () => {
  test("fold by fold, interrupted and gone on with, ends as an ensemble that segments", async (context) => {
    context.skip(kind === "swiftshader", slowHere);
    const first = await run(crossval("folds", "--fold", "1"));
    expect(first.code, first.err).toBe(0);
    expect(first.out).toContain("1 of 2 folds are done; left: fold0");
    expect(first.err).toContain("note: fold1: only the first 4 cases are used");
    const stopped = await run(crossval("folds"), (text, kill) => {
      if (text.includes("fold0  epoch 1/2")) kill("SIGINT");
    });
    expect(stopped.code).toBe(130);
    expect(stopped.err).toContain("interrupted; everything so far is saved, and the same command goes on from there");
    const { code, out, err } = await run(crossval("folds"));
    expect(code, err).toBe(0);
    expect(out).not.toContain("fold1  epoch");
    expect(out).toContain("Figures of 4 cases.");
    for (const line of out.split("\n").filter((each) => !each.includes(root))) expect(line.length).toBeLessThan(81);
    const chosen = JSON.parse(await readFile(at("folds", "postprocessing.json"), "utf8"));
    expect([...chosen.cases].sort()).toEqual([1, 2, 3, 4].map((n) => `phantom_00${n}`));
    const result = JSON.parse(await readFile(at("folds", "crossval.json"), "utf8"));
    const names = [1, 2, 3, 4].map((n) => `phantom_00${n}`);
    expect(result.folds.flatMap((fold: { validation: string[] }) => fold.validation).sort()).toEqual(names);
    expect(result.evaluation.cases.map(({ name }: { name: string }) => name).sort()).toEqual(names);
    for (const { run: name, validation } of result.folds) {
      const { training } = JSON.parse(await readFile(at("folds", name, "split.json"), "utf8"));
      expect([...training, ...validation].sort()).toEqual(names);
    }
    const again = await run(crossval("folds"));
    expect(again.out).toContain("All folds had been trained and measured before; nothing was left to do.");
    expect(again.out).not.toContain("epoch 1/2");
    expect(again.out).not.toContain("postprocessing.json");
    // No component is that large.
    const rules = [1, 2].map((label) => {
      return { label, name: `${label}`, largest: false, leastMilliliters: 1e9, dice: { without: 0.5, with: 0.6 } };
    });
    await writeFile(at("folds", "postprocessing.json"), JSON.stringify({ ...chosen, rules }));
    const words = ["segment", at("data", "imagesTs"), "-m", at("folds"), "-o", at("labels")];
    const labeled = await run(words);
    expect(labeled.code, labeled.err).toBe(0);
    expect(labeled.out).toMatch(/no liver found, no cancer found/);
    const { labels } = JSON.parse(await readFile(at("labels", "segment.json"), "utf8"));
    const weights = result.folds.map(({ checkpoint }: { checkpoint: { sha256: string } }) => checkpoint.sha256);
    expect(JSON.stringify(labels)).toContain(weights.join(" "));
    await cp(at("folds"), at("same"), { recursive: true });
    const compare = (...folders: string[]) => run(["compare", ...folders, "--out", at("comparison"), "--json"]);
    const { classes } = JSON.parse((await compare(at("folds"), at("same"))).out);
    expect(classes[0].runs[1]).toMatchObject({ n: 4, difference: { pairs: 4, mean: 0 } });
    expect(await compare(at("folds"), at("folds", "fold0"))).toMatchObject({
      code: 1,
      err: expect.stringContaining("folds is a cross-validation of 2 folds, and fold0 is a single run; compare"),
    });
    const changed = await run(crossval("folds", "--lr", "0.01"));
    expect(changed).toMatchObject({ code: 1 });
    expect(changed.err).toMatch(
      /what is asked for has changed since .*folds began: 'settings\.learningRate' is 0\.01, was/,
    );
    const image = at("data", "imagesTr", "phantom_001.nii.gz");
    const bytes = gunzipSync(await readFile(image));
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
    await writeFile(image, gzipSync(bytes));
    const other = await run(crossval("folds"));
    expect(other.code).toBe(1);
    expect(other.err).toMatch(
      /the cases have changed since .*folds began: phantom_001 holds something else; put them back, or name/,
    );
  });
});

test("memory, disk and time are predicted: for this adapter by steps that are timed, or for an H200", async () => {
  const here = await run(crossval("x", "--dry-run"));
  expect(here.code, here.err).toBe(0);
  expect(here.out).toMatch(/\n {2}step {6}[\d.]+ ms, and [\d.]+ ms a slice in validation\n/);
  expect(here.out).toContain("Derived from measured parts: the step was timed now");
  const there = await run(crossval("x", "--dry-run", "--on", "h200"));
  expect(there.out).toMatch(/^Cross-validation of .* on an H200\n {2}folds {5}2; each holds out 2 of 4 cases\n/);
  expect(there.out).toContain("by FLOPs and bytes from steps of other");
  // A GPU's plan has more passes than that of any software adapter.
  const words = [
    "crossval",
    at("data"),
    "auto",
    "--cache",
    at("cache"),
    "--dry-run",
    "--on",
    "h200",
    "--device",
    "gpu:9",
  ];
  const planned = await run(words);
  expect(planned.code, planned.err).toBe(0);
  expect(planned.out).toMatch(/\n {2}epochs {4}1000 at most, of \d+ steps?\n/);
  await expect(readFile(at("x", "experiment.json"))).rejects.toThrow();
});

test("a plan is kept only where the folds can be made", async () => {
  const words = ["crossval", at("data"), "auto", "-o", at("many"), "--cache", at("cache"), "--folds", "6"];
  expect(await run(words)).toMatchObject({ code: 1, err: expect.stringContaining("split into 6 folds") });
  await expect(readFile(at("many", "plan.yaml"))).rejects.toThrow();
});

test("one fold is none", () => {
  expect(() => parseCommandLine(["crossval", "DIR", "--folds", "1"], commands)).toThrow(
    "--folds needs a whole number from 2, got '1'",
  );
});

test.each<[what: string, words: () => string[], message: RegExp]>([
  [
    "more folds than cases",
    () => ["crossval", at("data"), "--folds", "6", "-o", at("x"), "--size", "16"],
    /5 cases cannot be split into 6 folds; take at most 5/,
  ],
  ["a fold that is none", () => crossval("x", "--fold", "2"), /--fold is one of 0 to 1 with --folds 2, got 2/],
  ["the folder of a run", () => crossval("run"), /run is the folder of a run; name another by --out/],
  ["files of others", () => crossval("table"), /cases\.csv is not of a cross-validation; remove it, or name another/],
  [
    "a plan for other data",
    () => ["crossval", at("data"), "auto", "-o", at("planned")],
    /plan\.yaml was planned for \/elsewhere, and would count for .*data too; remove it, or name another folder/,
  ],
  ["no data", () => ["crossval", at("nowhere"), "-o", at("x")], /nowhere cannot be opened/],
  ["no folder", () => ["crossval", at("data")], /name the folder of the folds: --out DIR/],
  [
    "a fold in the settings",
    () => crossval("x", "--config", at("fold.yaml")),
    /'fold' of .*fold\.yaml says which cases a run is measured on/,
  ],
])("%s: one sentence, no stack", async (_, words, message) => {
  const { code, out, err } = await run(words());
  expect(code).toBe(1);
  const own = err.split("\n").filter((line) => line !== "" && !line.startsWith("Warning: max"));
  expect(own).toHaveLength(1);
  expect(own[0]).toMatch(message);
  expect(out + err).not.toMatch(/\n\s+at /);
});
