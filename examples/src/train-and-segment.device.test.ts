import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { segmentSlices } from "./segment-slices.js";
import { trainLiver } from "./train-liver.js";
import { trainVessel } from "./train-vessel.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-examples-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Small enough for a test; everything else is the preset's. */
const changes = { size: 16, baseFeatures: 1, depth: 1, batch: 4, epochs: 1 };

test.each([
  { task: "liver", train: trainLiver },
  { task: "vessel", train: trainVessel },
] as const)("$task: trained, reported, and used slice by slice", async ({ task, train }) => {
  const [data, run] = [join(root, `${task} data`), join(root, `${task} run`)];
  await writePhantom(nodeStorage, data, { task, cases: 3, testCases: 1, size: 16, slices: [2, 3], seed: 1 });
  const report = await train(data, run, changes);
  expect(await readFile(report, "utf8")).toContain("<!doctype html>");
  const scan = join(data, "imagesTs", "phantom_004.nii.gz");
  const counts = await segmentSlices(scan, run);
  expect(counts.length).toBeGreaterThanOrEqual(2);
  for (const classes of counts) expect(classes.reduce((sum, each) => sum + each)).toBe(16 * 16);
});
