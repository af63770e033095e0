import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityOf, onGridOf, readDecathlon, readNifti, toCanonical, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { KnownCases } from "../run/known-cases.js";
import { measureComponents } from "./measure-components.js";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lobule-components-"));
  await writePhantom(nodeStorage, root, { cases: 2, testCases: 0, size: 8, slices: [2, 2], seed: 3 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Calls one pixel of each slice a liver. */
const predictor: Parameters<typeof measureComponents>[1] = {
  ...{ atOnce: 4, margin: 0, inZScores: [false], crops: false, channels: 1, classes: 3 },
  predict: async (slices, width, height) =>
    slices.map(() => {
      const labels = new Uint8Array(width * height);
      labels[0] = 1;
      return labels;
    }),
};

test("components are told of each case, and a case that holds something else by now is noted", async () => {
  const { cases } = await readDecathlon(nodeStorage, root);
  const [first, second] = cases;
  if (first === undefined || second === undefined) throw new Error("no cases");
  const scan = toCanonical(await readNifti(nodeStorage, first.image));
  const truth = onGridOf(await readNifti(nodeStorage, first.label), scan, ["labels", "image"]);
  const { content } = identityOf(nodeStorage, [scan], truth, first, 3);
  const split = { training: [], validation: [first.name, second.name] };
  const workload = { cases: { [first.name]: content, [second.name]: "of other bytes" }, images: {} };
  const found = await measureComponents(nodeStorage, predictor, { cases, known: new KnownCases(split, workload) });
  expect(found.notes).toEqual([`${second.name} no longer holds what it held when the run began`]);
  expect(found.cases.map(({ name }) => name)).toEqual([first.name, second.name]);
  expect(found.cases[0]?.components).toMatchObject([{ label: 1, voxels: 2 }]);
});
