import { MemoryStorage } from "@lobule/data";
import { expect, test } from "vitest";
import {
  type CaseComponents,
  choosePostprocessing,
  otherWeightsNote,
  postprocessed,
  postprocessingText,
  readPostprocessing,
  savePostprocessing,
} from "./postprocessing.js";

const classes = ["background", "liver", "tumor"];
/** Voxels of 1 ml; a liver of 100 voxels of which 90 are found, and what else is taken for liver and tumor. */
const caseOf = (name: string, others: CaseComponents["components"]): CaseComponents => ({
  name,
  voxelMilliliters: 1,
  components: [{ label: 1, voxels: 95, overlap: 90 }, ...others],
  truth: [0, 100, 4],
});
const liver = (voxels: number, overlap = 0) => ({ label: 1, voxels, overlap });
const tumor = (voxels: number, overlap = 0) => ({ label: 2, voxels, overlap });

test("what raises the mean Dice is chosen, with the figures, class by class", () => {
  const cases = [caseOf("a", [liver(20), tumor(4, 3)]), caseOf("b", [liver(2), tumor(4, 3)])];
  const rules = choosePostprocessing(cases, classes);
  const [first, second] = [180 / (115 + 100), 180 / (97 + 100)];
  expect(rules).toEqual([
    {
      label: 1,
      name: "liver",
      largest: true,
      leastMilliliters: 0,
      dice: { without: (first + second) / 2, with: 180 / 195 },
    },
  ]);
  expect(postprocessingText({ rules: [...rules] })).toBe(
    "liver: largest component (per-case 3D Dice of all validation cases 0.875 to 0.923)",
  );
});

test("a class of several true parts loses only what is too small", () => {
  // Voxels of 0.5 ml: parts of 1 ml stay.
  const cases = [{ ...caseOf("a", [tumor(2, 2), tumor(2, 2), tumor(1), tumor(1)]), voxelMilliliters: 0.5 }];
  const [rule, ...others] = choosePostprocessing(cases, classes);
  expect(others).toEqual([]);
  expect(rule).toMatchObject({ label: 2, largest: false, leastMilliliters: 1, dice: { without: 0.8, with: 1 } });
});

test("nothing is chosen where nothing helps, or more cases lose than gain", () => {
  expect(choosePostprocessing([caseOf("a", []), caseOf("b", [tumor(4, 4)])], classes)).toEqual([]);
  // The largest component is the whole of one case, and a part of two others: the mean would gain.
  const lost = caseOf("lost", [liver(9, 9)]);
  expect(choosePostprocessing([caseOf("gained", [liver(90)]), lost, lost], classes)).toEqual([]);
});

test("labels are cleaned by volume, and labels without rules are left as they are", async () => {
  const labels = Uint8Array.from([1, 1, 1, 0, 1, 0, 2]);
  const grid = {
    shape: [7, 1, 1],
    affine: [
      [10, 0, 0, 0],
      [0, 10, 0, 0],
      [0, 0, 10, 0],
    ],
  } as const;
  const rule = { label: 1, name: "liver", largest: false, leastMilliliters: 1.5, dice: { without: 0, with: 1 } };
  expect([...(await postprocessed(labels, grid, { rules: [rule] }))]).toEqual([1, 1, 1, 0, 0, 0, 2]);
  expect(await postprocessed(labels, grid, { rules: [] })).toBe(labels);
});

test("what was saved is read for the checkpoint it was chosen for alone", async () => {
  const storage = new MemoryStorage();
  await storage.makeFolder("/run/checkpoints");
  const model = { source: "/run/checkpoints/best.safetensors", sha256: "a" };
  expect(await readPostprocessing(storage, model)).toBeUndefined();
  const chosen = { checkpoint: "a", cases: ["x"], rules: [] };
  await savePostprocessing(storage, "/run", chosen);
  expect(await readPostprocessing(storage, model), "nothing helps").toBeUndefined();
  const rule = { label: 1, name: "liver", largest: true, leastMilliliters: 0, dice: { without: 0.5, with: 0.6 } };
  await savePostprocessing(storage, "/run", { ...chosen, rules: [rule] });
  expect(await readPostprocessing(storage, model)).toMatchObject({ ...chosen, rules: [rule] });
  expect(await otherWeightsNote(storage, model)).toBeUndefined();
  expect(await readPostprocessing(storage, { ...model, sha256: "b" })).toBeUndefined();
  expect(await otherWeightsNote(storage, { ...model, sha256: "b" })).toBe(
    "/run/postprocessing.json was chosen for other weights than these and is not used; `lobule postprocess /run` chooses anew",
  );
});
