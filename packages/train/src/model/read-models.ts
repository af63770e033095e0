import { exists, joinPath, readJson, type Storage, writeFileAtomically } from "@lobule/data";
import { z } from "zod";
import { fitJson } from "../json/parse-json.js";
import { readModel, type SavedModel } from "./load-model.js";
import { ModelError } from "./model-error.js";
import { type Postprocessing, readChosen, weightsOf } from "./postprocessing.js";
import type { CodeTrust } from "./trusted-code.js";

const ensembleSchema = z.strictObject({
  format: z.literal("lobule-ensemble"),
  version: z.literal(1),
  /** In the order in which their scores are added. */
  members: z
    .array(
      z.strictObject({
        /** Its folder, within that of the ensemble. */
        run: z
          .string()
          .regex(/^[A-Za-z0-9][\w.=,+-]*$/)
          .meta({ title: "the name of a folder" }),
        /** Of its best checkpoint, in hexadecimal. */
        sha256: z
          .string()
          .regex(/^[0-9a-f]{64}$/)
          .meta({ title: "a SHA-256 in hexadecimal" }),
      }),
    )
    .min(1),
});

/** ensemble.json: runs of a folder whose models predict together. */
export type EnsembleFile = z.output<typeof ensembleSchema>;

const pathOf = (directory: string): string => joinPath(directory, "ensemble.json");

/** Makes the runs of a folder one model, by the weights that they have now. @throws FileWriteError. */
export async function writeEnsemble(
  storage: Storage,
  directory: string,
  members: EnsembleFile["members"],
): Promise<void> {
  const file: EnsembleFile = { format: "lobule-ensemble", version: 1, members };
  await writeFileAtomically(storage, pathOf(directory), `${JSON.stringify(file, null, 2)}\n`);
}

/** Null where the folder is no ensemble. @throws DataError when ensemble.json is damaged. */
export async function readEnsemble(storage: Storage, directory: string): Promise<EnsembleFile | null> {
  const path = pathOf(directory);
  if (!(await exists(storage, path))) return null;
  return fitJson(await readJson(storage, path, "record"), ensembleSchema, path);
}

/**
 * Reads a model as {@link readModel} does, or those of an ensemble, in the order in which their scores are added.
 * @throws ModelError as readModel, and where a run of the ensemble has other weights than the ensemble was made of.
 */
export async function readModels(storage: Storage, path: string, trust: CodeTrust = {}): Promise<SavedModel[]> {
  const ensemble = await readEnsemble(storage, path);
  if (ensemble === null) return [await readModel(storage, path, trust)];
  const models: SavedModel[] = [];
  for (const { run, sha256 } of ensemble.members) {
    const model = await readModel(storage, joinPath(path, run), trust);
    if (model.sha256 !== sha256) {
      throw new ModelError(
        `${model.source}: holds other weights than ${pathOf(path)} was made of; restore it, or name the runs one by one`,
      );
    }
    models.push(model);
  }
  return models;
}

/**
 * What was chosen to be done to the labels of a model or an ensemble; undefined where nothing was or nothing helps.
 * @param models those of the path, by {@link readModels}.
 * @throws DataError when the file is no post-processing.
 */
export async function postprocessingOf(
  storage: Storage,
  path: string,
  models: readonly SavedModel[],
): Promise<Postprocessing | undefined> {
  const [first] = models;
  if (models.length < 2) return first?.postprocessing;
  const found = await readChosen(storage, path, weightsOf(models));
  return found === undefined || found.rules.length === 0 ? undefined : found;
}
