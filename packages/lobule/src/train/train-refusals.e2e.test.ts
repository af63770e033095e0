import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand as run } from "../testing/run-command.js";

let root: string;
let data: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-cli-"));
  data = join(root, "data");
  // Where models of one's own are remembered.
  process.env.XDG_CONFIG_HOME = join(root, "config");
  await writePhantom(nodeStorage, data, { cases: 4, testCases: 1, size: 16, slices: [4, 6], seed: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const small = () => [
  ...["--data", data, "--cache", join(root, "cache")],
  ...["--size", "16", "--base-features", "1", "--depth", "1"],
];

describe("bad input: one sentence, exit code 1, no stack", () => {
  test.each([
    ["no folder", () => ["train", "--out", join(root, "x")], /--data is missing; it needs a Decathlon folder/],
    ["a folder that is not there", () => ["train", "--data", join(root, "no"), "--out", join(root, "x")], /no/],
    [
      "a size that does not divide",
      () => ["train", "--data", data, "--size", "20", "--out", join(root, "x")],
      /--size must be a multiple of 16 .*, got 20/,
    ],
    [
      "a config that is no JSON",
      () => ["train", ...small(), "--config", join(root, "bad.json"), "--out", join(root, "x")],
      /bad\.json is not valid JSON: .* at line 1, column 3; give a YAML or JSON file/,
    ],
    [
      "a name in YAML that is no setting",
      () => ["train", ...small(), "--config", join(root, "bad.yaml"), "--out", join(root, "x")],
      /'loss\.gama' of .*bad\.yaml \(line 3\) is no setting; did you mean 'gamma'\?/,
    ],
    [
      "groups that do not divide",
      () => ["train", ...small(), "--norm", "group", "--groups", "3", "--out", join(root, "x")],
      /3 groups do not divide the 1 channels of level 0; 1 would fit/,
    ],
    [
      "a network of no name",
      () => ["train", ...small(), "--network", "resnet"],
      /--network is one of unet, res-unet, .*, got 'resnet'; did you mean res-unet\?/,
    ],
    [
      "a model with a mistake",
      () => ["train", ...small(), "--model", join(root, "bad.ts"), "--out", join(root, "x")],
      /bad\.ts: line 1 of bad\.ts: Unexpected "="/,
    ],
    [
      "a model that is none",
      () => ["train", ...small(), "--model", join(root, "none.ts"), "--out", join(root, "x")],
      /none\.ts: its default export must return a Module with a forward method/,
    ],
    [
      "a model that imports Node's modules",
      () => ["train", ...small(), "--model", join(root, "node.ts"), "--out", join(root, "x")],
      /node\.ts: line 1 of node\.ts: Could not resolve "node:fs"/,
    ],
    [
      "a parameter of another loss",
      () => ["train", ...small(), "--loss", "tversky", "--gamma", "2", "--out", join(root, "x")],
      /--gamma has no effect with the loss 'tversky'; it goes with focal, dice-focal/,
    ],
    [
      "class weights that do not fit",
      () => ["train", ...small(), "--loss", "focal", "--class-weights", "1", "2", "--out", join(root, "x")],
      /2 class weights, the data have 3 classes/,
    ],
    [
      "a momentum without SGD",
      () => ["train", ...small(), "--momentum", "0.9", "--out", join(root, "x")],
      /--momentum has no effect with the optimizer 'adam'; it goes with sgd/,
    ],
    ["a run that is none", () => ["train", "--resume", data], /is no run folder/],
    [
      "a model that is not there",
      () => ["segment", data, "-m", join(root, "no"), "-o", join(root, "y")],
      /no such file|holds no/,
    ],
    ["an unknown command", () => ["trian"], /there is no command 'trian'; did you mean 'train'\?/],
  ])("%s", async (_what, words, message) => {
    await writeFile(join(root, "bad.json"), "{ not");
    await writeFile(join(root, "bad.yaml"), "loss:\n  kind: focal\n  gama: 3\n");
    await writeFile(join(root, "bad.ts"), "let x: = 3;");
    await writeFile(join(root, "none.ts"), "export default () => ({});");
    await writeFile(join(root, "node.ts"), 'export { readFile as default } from "node:fs";');
    const { code, out, err } = await run(words());
    expect(code).toBe(1);
    const own = err.split("\n").filter((line) => line !== "");
    expect(own).toHaveLength(1);
    expect(own[0]).toMatch(message);
    expect(out + err).not.toMatch(/\n\s+at /);
  });
});
