import { appendFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand as run } from "../testing/run-command.js";

let root: string;
let data: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-own-model-"));
  data = join(root, "data");
  // Where models of one's own are remembered.
  process.env.XDG_CONFIG_HOME = join(root, "config");
  await writePhantom(nodeStorage, data, { cases: 4, testCases: 1, size: 16, slices: [4, 6], seed: 2 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

const ownModel = fileURLToPath(new URL("../../../../examples/src/custom-kernel/my-model.ts", import.meta.url));
const small = () => [
  ...["--data", data, "--cache", join(root, "cache")],
  ...["--size", "16", "--base-features", "1", "--depth", "1"],
];

test("a network of one's own, with a kernel of its own", async () => {
  const out = join(root, "own");
  const trained = await run(["train", ...small(), "--out", out, "--batch", "4", "--epochs", "1", "--model", ownModel]);
  expect(trained.code, trained.err).toBe(0);
  expect(await readdir(out)).toContain("model.cjs");
  const segmented = await run(["segment", join(data, "imagesTs"), "-m", out, "-o", join(root, "own-labels"), "--json"]);
  expect(segmented.code, segmented.err).toBe(0);
  expect(JSON.parse(segmented.out)).toMatchObject({ volumes: [{ name: "liver" }, { name: "cancer" }] });
  // As on another machine, whose user did not train it.
  await rm(join(root, "config"), { recursive: true });
  const again = ["segment", join(data, "imagesTs"), "-o", join(root, "again"), "-m"];
  const uses = [
    [...again, out],
    [...again, join(out, "checkpoints", "best.safetensors")],
    ["evaluate", out],
    ["inspect", join(data, "imagesTs", "phantom_005.nii.gz"), "-m", out, "-o", join(root, "looked")],
    ["summary", out],
    ["train", "--resume", out],
    ["train", "--config", join(out, "config.json"), "--out", join(root, "copied")],
  ];
  for (const words of uses) {
    expect(await run(words)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/runs its code \(SHA-256 [0-9a-f]{64}\).* if you trust it add --trust-code/),
    });
  }
  expect(await readdir(root)).not.toContain("copied");
  const trusted = await run([...again, out, "--trust-code"]);
  expect(trusted.code, trusted.err).toBe(0);
  expect((await run(["train", "--resume", out, "--trust-code"])).code).toBe(0);
  await appendFile(join(out, "model.cjs"), "// changed\n");
  expect(await run(["train", "--resume", out])).toMatchObject({
    code: 1,
    err: expect.stringContaining("model.cjs: is not the code that the weights were trained with; restore it"),
  });
});
