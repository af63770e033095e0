import { MemoryStorage, writeFileAtomically } from "@lobule/data";
import { expect, test } from "vitest";
import { readModels } from "../model/read-models.js";
import { sharedEpochsText } from "./folder-of-runs.js";
import { RunFolder } from "./run-folder.js";

async function folderOf(experiment: object): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const runs = ["fold0", "fold1", "fold2"].map((name) => ({ name, variant: name, state: "waiting", error: null }));
  const record = { format: "lobule-experiment", version: 1, experiment, runs, rungs: [] };
  await storage.makeFolder("/folds");
  await writeFileAtomically(storage, "/folds/experiment.json", JSON.stringify(record));
  await writeFileAtomically(storage, "/folds/fold1.outcome.json", JSON.stringify({ state: "done" }));
  return storage;
}

const unfinished =
  /^\/folds is a cross-validation of which 1 of 3 folds are trained .*; continue it: `lobule crossval \/data --out \/folds --folds 3`, with the settings that it began with$/;

test("an unfinished cross-validation is said to be one, wherever a model or a run is asked for", async () => {
  const storage = await folderOf({ data: "/data", folds: 3 });
  await expect(readModels(storage, "/folds")).rejects.toThrow(unfinished);
  await expect(RunFolder.open(storage, "/folds")).rejects.toThrow(unfinished);
});

test("so is an experiment", async () => {
  const storage = await folderOf({ data: "/data", variants: {} });
  await expect(readModels(storage, "/folds")).rejects.toThrow(
    "/folds is an experiment with runs of its own, such as fold0",
  );
});

test("a fold has as many epochs as the others, and a run of its own as many as are asked for", async () => {
  const storage = await folderOf({ data: "/data", folds: 3 });
  expect(await sharedEpochsText(storage, "/folds/fold0", 4)).toMatch(
    /^\/folds\/fold0 is a fold of the cross-validation \/folds, whose runs all have 4 epochs; continue it by `lobule crossval /,
  );
  expect(await sharedEpochsText(storage, "/folds/other", 4)).toBeUndefined();
  expect(await sharedEpochsText(storage, "/runs/fold0", 4)).toBeUndefined();
});
