import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { adapterChoice, nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand as run } from "../testing/run-command.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-plan-"));
  await writePhantom(nodeStorage, at("data"), { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const small = ["--base-features", "1", "--depth", "1", "--network", "unet", "--epochs", "1"];
const plan = (...more: string[]) => run(["plan", at("data"), "--cache", at("cache"), ...more]);

test("a plan is a settings file with its reasons, and is not replaced", async () => {
  const { code, out, err } = await plan("--size", "16", "-o", at("plan.yaml"));
  expect(code, err).toBe(0);
  expect(out).toBe(`written: ${at("plan.yaml")}\n`);
  const text = await readFile(at("plan.yaml"), "utf8");
  expect(text).toContain("# 4 cases, ");
  expect(text).toContain("# Given.\nsize: 16\n");
  expect(text).toMatch(/\n# \d+ % of the slices hold foreground.*\n(#.*\n)*oversample: [\d.]+\n/);
  for (const line of text.split("\n").filter((each) => !each.startsWith("data:"))) expect(line.length).toBeLessThan(81);
  // Above every setting there is its reason.
  expect(text).not.toMatch(/^(?!data|augmentation|network|loss|earlyStopping)(?<!#.*\n)\w+: \S/m);
  expect(await run(["config", "check", at("plan.yaml")])).toMatchObject({ code: 0 });
  // With the usual depth this size is refused.
  expect((await plan("--size", "20", "--batch", "2")).out).toContain("\ndepth: 2\n");
  const again = await plan("-o", at("plan.yaml"));
  expect(again).toMatchObject({ code: 1, err: expect.stringContaining("may have been changed by hand; name another") });
});

test("settings are taken as given, and labels of background alone are refused", async () => {
  const { code, out, err } = await plan(
    ...["--oversample", "0", "--augment", "nnunet", "--mirror-front-back", "0.3", "--optimizer", "sgd"],
  );
  expect(code, err).toBe(0);
  expect(out).toContain("\noversample: 0\n");
  expect(out).toMatch(
    /kind: nnunet\n {2}# Given.\n {2}frontBack: 0.3\n {2}# The class liver(.*\n)*? {2}leftRight: 0\n/,
  );
  expect(out).toMatch(/optimizer:\n.*\n {2}kind: sgd\n.*\n {2}momentum: 0.99\n/);
  expect(err).not.toMatch(/warning/i);
  await writePhantom(nodeStorage, at("empty"), { cases: 2, testCases: 0, size: 16, slices: [3, 4], seed: 2 });
  for (const name of await readdir(at("empty", "labelsTr"))) {
    const labels = await readNifti(nodeStorage, at("empty", "labelsTr", name));
    labels.data.fill(0);
    await writeNifti(nodeStorage, at("empty", "labelsTr", name), labels);
  }
  const none = await run(["plan", at("empty"), "--cache", at("cache-of-empty")]);
  expect(none).toMatchObject({
    code: 1,
    err: expect.stringContaining("nothing but background, so there is nothing to"),
  });
});

const { kind } = await adapterChoice();
const precision = kind === "swiftshader" ? "f32" : "f16";

test("train auto trains by its plan, here on two channels, and keeps it in the run folder", async () => {
  await writePhantom(nodeStorage, at("two"), {
    cases: 4,
    testCases: 0,
    size: 16,
    slices: [3, 4],
    seed: 2,
    channels: 2,
  });
  const words = ["train", "auto", "--data", at("two"), "--cache", at("cache-of-two"), "--out", at("run"), ...small];
  const { code, err } = await run([...words, "--augment", "nnunet", "--input-slices", "3", "--precision", precision]);
  expect(code, err).toBe(0);
  const text = await readFile(at("run", "plan.yaml"), "utf8");
  const config = JSON.parse(await readFile(at("run", "config.json"), "utf8"));
  expect(config).toMatchObject({
    size: 16,
    baseFeatures: 1,
    depth: 1,
    epochs: 1,
    schedule: "polynomial",
    preset: null,
    normalization: ["foreground", "image"],
    augmentation: { kind: "nnunet", leftRight: 0 },
    inputSlices: 3,
    precision,
  });
  expect(text).toContain(`\nbatch: ${config.batch}\n`);
});
