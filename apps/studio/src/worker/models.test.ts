import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MemoryStorage, writeFileAtomically } from "@lobule/data";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { addModel, bundledModel, listModels } from "./models.js";

const bundled = fileURLToPath(new URL("../../public/phantom.safetensors", import.meta.url));
let weights: Uint8Array<ArrayBuffer>;
let storage: MemoryStorage;
beforeAll(async () => {
  weights = Uint8Array.from(await readFile(bundled));
});
beforeEach(() => {
  storage = new MemoryStorage();
});
const dropped = (path: string, content: BlobPart) => ({ path, file: new File([content], path) });
const titles = async () => (await listModels(storage)).map(({ title }) => title);

test("the model that comes with the page is small and always there", async () => {
  expect(weights.length).toBeLessThan(400_000);
  expect(await listModels(storage)).toEqual([bundledModel]);
});

test("a checkpoint and a run folder are kept; the same name gets a number", async () => {
  const checkpoint = dropped("liver.safetensors", weights);
  expect((await addModel(storage, [checkpoint])).path).toBe("/models/liver");
  expect((await addModel(storage, [checkpoint])).path).toBe("/models/liver-2");
  await addModel(storage, [
    dropped("fold 1/config.json", "{}"),
    dropped("fold 1/checkpoints/best.safetensors", weights),
  ]);
  expect(await titles()).toEqual([bundledModel.title, "fold 1 (model)", "liver (model)", "liver-2 (model)"]);
});

test("a run is a model once it has a best checkpoint", async () => {
  await storage.makeFolder("/runs/begun");
  await storage.makeFolder("/runs/trained/checkpoints");
  await writeFileAtomically(storage, "/runs/trained/checkpoints/best.safetensors", weights);
  expect(await titles()).toEqual([bundledModel.title, "trained (run)"]);
});

test("what is no model is refused, in one sentence", async () => {
  await expect(addModel(storage, [dropped("scan.nii.gz", "x")])).rejects.toThrow(
    "scan.nii.gz is no model; drop a run folder, a zip of one, or a .safetensors checkpoint",
  );
  await expect(addModel(storage, [dropped("a.zip", "x")])).rejects.toThrow(
    /^a\.zip is no zip of a run folder: this is no zip archive, .*; copy it again$/,
  );
  await expect(addModel(storage, [dropped("a.safetensors", "x")])).rejects.toThrow("is no checkpoint of a run");
});
