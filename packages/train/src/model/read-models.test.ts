import { MemoryStorage, writeFileAtomically } from "@lobule/data";
import { referenceSpec, UNet } from "@lobule/nn";
import { beforeEach, expect, test } from "vitest";
import { readModel } from "./load-model.js";
import { savePostprocessing, weightsOf } from "./postprocessing.js";
import { postprocessingOf, readModels, writeEnsemble } from "./read-models.js";
import { isForeignModel, saveModel } from "./save-model.js";
import { smallDescription } from "./testing.js";

let storage: MemoryStorage;
const save = async (run: string, seed: number): Promise<string> => {
  const network = new UNet({ ...referenceSpec, baseFeatures: 1, depth: 1, inChannels: 1, classes: 2, seed });
  const weights = await network.stateDict();
  await saveModel(storage, `/folds/${run}`, { description: smallDescription, weights, code: undefined, origin: null });
  return (await readModel(storage, `/folds/${run}`)).sha256;
};
beforeEach(async () => {
  storage = new MemoryStorage();
  const members = [
    { run: "fold0", sha256: await save("fold0", 0) },
    { run: "fold1", sha256: await save("fold1", 1) },
  ];
  await writeEnsemble(storage, "/folds", members);
});

test("an ensemble is its models in order; a run is one model", async () => {
  const models = await readModels(storage, "/folds");
  expect(models.map(({ source }) => source)).toEqual(
    ["fold0", "fold1"].map((run) => `/folds/${run}/checkpoints/best.safetensors`),
  );
  expect(await readModels(storage, "/folds/fold1")).toHaveLength(1);
});

test("an ensemble has post-processing of its own, for its weights alone", async () => {
  const models = await readModels(storage, "/folds");
  const dice = { without: 0.5, with: 0.6 };
  const rules = [{ label: 1, name: "liver", largest: true, leastMilliliters: 0, dice }];
  expect(await postprocessingOf(storage, "/folds", models)).toBeUndefined();
  await savePostprocessing(storage, "/folds", { checkpoint: weightsOf(models), cases: ["a"], rules });
  expect(await postprocessingOf(storage, "/folds", models)).toMatchObject({ rules });
  expect(await postprocessingOf(storage, "/folds", models.toReversed())).toBeUndefined();
  await savePostprocessing(storage, "/folds", { checkpoint: weightsOf(models), cases: ["a"], rules: [] });
  expect(await postprocessingOf(storage, "/folds", models)).toBeUndefined();
});

test("a run that lost its settings is damaged, and no model of others", async () => {
  expect(await isForeignModel(storage, "/folds/fold0")).toBe(true);
  await writeFileAtomically(storage, "/folds/fold0/metrics.jsonl", "");
  expect(await isForeignModel(storage, "/folds/fold0")).toBe(false);
});

test("a run that was trained on since is refused", async () => {
  await save("fold1", 2);
  await expect(readModels(storage, "/folds")).rejects.toThrow(
    "/folds/fold1/checkpoints/best.safetensors: holds other weights than /folds/ensemble.json was made of; restore it, or name the runs one by one",
  );
});

test("names of runs that lead out of the folder are refused", async () => {
  await writeEnsemble(storage, "/folds", [{ run: "../fold0", sha256: "0".repeat(64) }]);
  await expect(readModels(storage, "/folds")).rejects.toThrow(
    /'members\[0\]\.run': it needs the name of a folder, got '\.\.\/fold0'/,
  );
});

test("where one model is needed, an ensemble is refused", async () => {
  await expect(readModel(storage, "/folds")).rejects.toThrow(
    "/folds is an ensemble of several runs, and a single one is needed here; give the folder of one of them",
  );
});
