import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { resolveConfig } from "@lobule/train";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Option } from "../command-line/option.js";
import { parseCommandLine } from "../command-line/parse.js";
import { commands } from "../commands.js";
import { main } from "../index.js";
import { resumedChanges } from "./resume-options.js";
import { givenSettings, settingOptions, trainOptions } from "./train-options.js";

let root: string;
let run: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-resume-"));
  run = join(root, "run");
  await writePhantom(nodeStorage, join(root, "data"), { cases: 2, testCases: 0, size: 16, slices: [2, 3], seed: 1 });
  // A run that was made and has taken no step.
  await cp(join(root, "data"), run, { recursive: true });
  const config = resolveConfig(null, { data: join(root, "data"), epochs: 4, batch: 2, window: [0, 100] });
  await writeFile(join(run, "config.json"), JSON.stringify(config));
  await writeFile(join(run, "environment.json"), '{"runFormat":1}');
  await writeFile(join(run, "split.json"), '{"training":["phantom_001"],"validation":["phantom_002"]}');
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** What becomes of options of `train --resume`. */
async function resumed(...words: readonly string[]) {
  const request = parseCommandLine(["train", "--resume", run, ...words], commands);
  if (request.kind !== "run") throw new Error("no run");
  return resumedChanges(run, givenSettings(request.values, request.given), request.given);
}

/** Words that differ from what the run has. */
function otherWords(option: Option): readonly string[] {
  const word = option.choices?.at(-1) ?? ["7", "0.125", "1"].find((each) => takes(option, each)) ?? "elsewhere";
  return option.words === 0 ? [] : option.words === 2 ? ["7", "9"] : [word];
}
const takes = (option: Option, word: string): boolean => {
  try {
    option.read([word], "it");
    return true;
  } catch {
    return false;
  }
};

/** Options of train that are no settings, and have their effect on a resumed run too. */
const honored = [
  "resume",
  "cache",
  "verify-cache",
  "workers",
  "device",
  "pause-after",
  "dashboard",
  "json",
  "trust-code",
];
/** Settings that may change, by rules of their own. */
const own = ["epochs", "data"];

const all = Object.entries<Option>(trainOptions);
const settings = all.filter(([name]) => name in settingOptions && !own.includes(name));
const others = all.filter(([name]) => !(name in settingOptions) && !honored.includes(name));

test.each(settings)("--%s with --resume is refused by name with what the run has", async (name, option) => {
  await expect(resumed(`--${name}`, ...otherWords(option))).rejects.toThrow(
    new RegExp(`^--${name} cannot change with --resume: the run has .+; leave it`),
  );
});

test.each(others)("--%s with --resume is refused by name", async (name, option) => {
  const { needs } = option;
  const besides = needs === undefined ? [] : [`--${needs}`, "quick"];
  await expect(resumed(...besides, `--${name}`, ...otherWords(option))).rejects.toThrow(
    new RegExp(`--(${name}|${needs}) cannot go with --resume`, "i"),
  );
});

test.each(all.filter(([name]) => honored.includes(name) && name !== "resume"))(
  "--%s with --resume is honored",
  async (name, option) => {
    expect(await resumed(`--${name}`, ...otherWords(option))).toEqual({});
  },
);

test("every option is one of these", () => {
  expect(settings.length + others.length + honored.length + own.length).toBe(all.length);
});

test("settings that say what the run says are let through", async () => {
  expect(await resumed("--batch", "2", "--window", "0", "100", "--loss", "dice-ce", "--no-augment")).toEqual({});
});

test("the preset cannot change", async () => {
  await expect(resumed("liver")).rejects.toThrow("PRESET cannot change with --resume");
});

test("epochs may grow, and not fall", async () => {
  expect(await resumed("--epochs", "6")).toEqual({ epochs: 6 });
  expect(await resumed("--epochs", "4")).toEqual({});
  await expect(resumed("--epochs", "3")).rejects.toThrow("the run has 4 epochs, which may grow and not fall to 3");
});

test("a run that was given more epochs ends with the bytes of one that was begun with as many", async () => {
  vi.spyOn(console, "log").mockReturnValue();
  vi.spyOn(console, "error").mockReturnValue();
  const common = ["--cache", join(root, "cache")];
  const small = [
    "--size",
    "16",
    "--network",
    "unet",
    "--skip",
    "add",
    "--base-features",
    "1",
    "--depth",
    "1",
    "--batch",
    "2",
    "--data",
    join(root, "data"),
  ];
  const [grown, whole] = [join(root, "grown"), join(root, "whole")];
  await main(["train", ...small, ...common, "--epochs", "1", "--out", grown]);
  await main(["train", "--resume", grown, ...common, "--epochs", "2"]);
  await main(["train", ...small, ...common, "--epochs", "2", "--out", whole]);
  vi.restoreAllMocks();
  const [a, b] = await Promise.all(
    [grown, whole].map((each) => readFile(join(each, "checkpoints", "last.safetensors"))),
  );
  expect(a?.equals(b as Buffer)).toBe(true);
  expect(JSON.parse(await readFile(join(grown, "config.json"), "utf8"))).toMatchObject({ epochs: 2 });
});
