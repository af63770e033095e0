import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../interop/src/pytorch/fixtures/${name}`, import.meta.url));

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const importWith = (file: string, ...more: string[]) => runCommand(["import", "pytorch", file, ...more]);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-import-"));
  const spec = { classes: ["background", "liver", "tumor"], window: [-160, 240], baseFeatures: 2, depth: 1 };
  await writeFile(at("spec.json"), JSON.stringify(spec));
  await writeFile(at("other.yaml"), "classes: [background, liver]\nwindow: [-160, 240]\nbaseFeatures: 2\ndepth: 1\n");
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("weights go in, stand for a model like it, and come out as they were", async () => {
  const first = await importWith(fixture("checkpoint.pt"), "--like", at("spec.json"), "-o", at("model"));
  expect(first.code, first.err).toBe(0);
  expect(first.out).toContain("matched by name");
  const again = await importWith(fixture("reference-old.pt"), "--like", at("model"), "-o", at("again"));
  expect(again.code, again.err).toBe(0);
  const out = await runCommand(["export", "pytorch", at("again"), "-o", at("out")]);
  expect(out.code, out.err).toBe(0);
  const [found, expected] = await Promise.all(
    [at("out", "weights.safetensors"), fixture("reference.safetensors")].map(async (path) =>
      readSafetensors(await readFile(path)),
    ),
  );
  expect(new Map([...(found ?? [])].sort())).toEqual(new Map([...(expected ?? [])].sort()));
  expect(await readFile(at("out", "model.py"), "utf8")).toContain('CLASSES = ["background","liver","tumor"]');
});

test("the model is measured on labeled data that are named, and not compared", async () => {
  await importWith(fixture("reference.pt"), "--like", at("spec.json"), "-o", at("measured"));
  const sizes = ["--cases", "3", "--size", "16", "--slices", "3", "4"];
  expect((await runCommand(["phantom", at("data"), ...sizes])).code).toBe(0);
  const refused = await runCommand(["evaluate", at("measured")]);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(
    /^lobule: .*measured was imported, so it has no cases of its own; name labeled ones with/,
  );
  const { code, out, err } = await runCommand(["evaluate", at("measured"), "--data", at("data"), "--map", "2=2"]);
  expect(code, err).toBe(0);
  expect(out.replaceAll(/\s+/g, " ")).toContain("measured was imported: these may be cases that it was trained on");
  const compared = await runCommand(["compare", at("measured"), at("measured"), "--out", at("comparison")]);
  expect(compared.code).toBe(1);
  expect(compared.err).toMatch(/measured was imported, so there are no cases that it is known to have held out/);
});

test("what does not fit is listed, and nothing is written", async () => {
  const { code, out, err } = await importWith(fixture("reference.pt"), "--like", at("other.yaml"), "-o", at("none"));
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err.split("\n")).toEqual([
    "'head.weight' [2, 2, 1, 1] of the network: 'head.weight' of the file is [3, 2, 1, 1]",
    "'head.bias' [2] of the network: 'head.bias' of the file is [3]",
    expect.stringMatching(/^lobule: .*reference\.pt: 2 of the file's and the network's tensors do not fit each other$/),
    "",
  ]);
  await expect(readFile(at("none", "checkpoints", "best.safetensors"))).rejects.toThrow("ENOENT");
});

test.each([
  [["spec.json", "--like", "spec.json"], /^lobule: .*spec\.json: is neither a PyTorch checkpoint/],
  [["model.pt", "--like", "bad.json"], /^lobule: .*bad\.json: 'classes' /],
])("import pytorch %j is refused in a sentence", async ([file = "", , like = ""], message) => {
  await writeFile(at("model.pt"), await readFile(fixture("reference.pt")));
  await writeFile(at("bad.json"), '{ "window": [0, 1] }');
  const { code, out, err } = await importWith(at(file), "--like", at(like), "-o", at("refused"));
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toMatch(message);
  expect(err.trim().split("\n")).toHaveLength(1);
});
