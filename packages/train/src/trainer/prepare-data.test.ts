import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareData } from "./prepare-data.js";
import { resolveConfig } from "./training-config.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-prepare-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const names = ["phantom_001", "phantom_002", "phantom_003"];

/** Notes of a run that holds out the last case, where the cases hold these labels: 1 is the liver, 2 the cancer. */
async function notesWith(folder: string, labels: readonly (readonly number[])[]): Promise<readonly string[]> {
  const data = join(root, folder);
  await writePhantom(nodeStorage, data, { cases: 3, testCases: 0, size: 8, slices: [2, 2], seed: 1 });
  for (const [i, name] of names.entries()) {
    const path = join(data, "labelsTr", `${name}.nii.gz`);
    const volume = await readNifti(nodeStorage, path);
    volume.data.fill(0);
    for (const [at, label] of (labels[i] ?? []).entries()) volume.data[at] = label;
    await writeNifti(nodeStorage, path, volume);
  }
  const config = resolveConfig(null, { data, validationCases: names.slice(2) });
  const prepared = await prepareData(nodeStorage, config, {
    cacheDirectory: join(root, `${folder}-cache`),
    workers: 0,
  });
  await prepared.cache.close();
  return prepared.notes;
}

test.each<[string, number[][], string[]]>([
  ["all classes", [[1], [1, 2], [1]], []],
  [
    "one held out alone",
    [[1], [1], [2]],
    ["no training case has cancer (label 2), so it is not learned; it is in 1 case to validate on"],
  ],
  [
    "one in no case",
    [[2], [], [2]],
    ["no training case has liver (label 1), so it is not learned; it is in no other case"],
  ],
  [
    "none to train on",
    [[], [], [1, 2]],
    ["no training case has a label but background, so there is nothing to learn; check the label files"],
  ],
])("a class that is not learned is told: %s", async (what, labels, notes) => {
  expect(await notesWith(what, labels)).toEqual(notes);
});
