import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeStorage } from "@lobule/node";
import { readModels } from "@lobule/train";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../interop/src/nnunet/fixtures/${name}`, import.meta.url));

let root: string;
const at = (...names: string[]): string => join(root, ...names);
const importWith = (...more: string[]) => runCommand(["import", "nnunet", ...more]);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-nnunet-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

test("folds become models that predict together, and one fold a model", async () => {
  const both = await importWith(fixture("plain"), "-o", at("both"));
  expect(both.code, both.err).toBe(0);
  expect(both.out.split("\n")).toEqual([
    `${at("both")}: fold_0, fold_1, 66 tensors each`,
    "it sees patches of 24×12 pixels of 0.75 × 1.5 mm",
    expect.stringMatching(/^next: .*segment SCAN -m .*both -o LABELS --mirror$/),
    "",
  ]);
  const models = await readModels(nodeStorage, at("both"));
  expect(models.map(({ description: { architecture } }) => architecture)).toEqual(["NnUNet", "NnUNet"]);
  expect(await runCommand(["postprocess", at("both")])).toEqual({
    code: 1,
    out: "",
    err: `lobule: ${at("both", "fold_0")} was imported, so it has no validation cases by which something could be chosen\n`,
  });
  const one = await importWith(fixture("plain"), "-o", at("one"), "--folds", "1");
  expect(one.code, one.err).toBe(0);
  const [single] = await readModels(nodeStorage, at("one"));
  expect(single?.weights).toEqual(models[1]?.weights);
});

test("what cannot be read is refused in a sentence, and nothing is written", async () => {
  const missing = await importWith(fixture("plain"), "-o", at("none"), "--checkpoint", "best");
  expect({ code: missing.code, out: missing.out }).toEqual({ code: 1, out: "" });
  expect(missing.err).toMatch(
    /^lobule: .*plain: none of fold_0, fold_1 has a checkpoint_best\.pth; has the training finished\?\n$/,
  );
  expect(await readdir(root)).not.toContain("none");
  const full = await importWith(fixture("plain"), "-o", fixture("residual"));
  expect({ code: full.code, out: full.out }).toEqual({ code: 1, out: "" });
  expect(full.err).toMatch(/^lobule: .*residual is not empty; name another folder with -o\n$/);
});
