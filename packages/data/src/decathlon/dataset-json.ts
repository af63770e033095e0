import { z } from "zod";
import { DataError } from "../data-error.js";
import { FileReadError, readJson } from "../files/read-file.js";
import { reason } from "../files/system-error.js";
import { settingSchemaOf } from "../settings/setting-form.js";
import { settingProblem } from "../settings/setting-problem.js";
import { joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";

/** Only told to the user where it disagrees; some writers put it in quotation marks. */
const count = z.coerce.number().optional().catch(undefined);
const text = z.union([z.string(), z.number().transform(String)]);
const path = z.string().min(1).meta({ title: "a path" });

/**
 * `dataset.json` as the Medical Segmentation Decathlon writes it. Other keys are ignored. Test images are plain paths;
 * some writers give them as objects, like the training cases.
 * Source: Antonelli et al. 2022, "The Medical Segmentation Decathlon"; medicaldecathlon.com.
 */
const datasetJson = z.object({
  name: text.optional(),
  modality: z.record(z.string(), text).optional().catch(undefined),
  labels: z.record(z.string().regex(/^\d+$/, "is not the number of a label"), text),
  numTraining: count,
  numTest: count,
  training: z.array(z.object({ image: path, label: path })),
  test: z.array(z.union([path, z.object({ image: path }).transform(({ image }) => image)])).optional(),
});

type DecathlonJson = z.infer<typeof datasetJson>;

/** What a dataset.json says, of the Decathlon or of nnU-Net. */
export type DatasetJson = Omit<DecathlonJson, "training"> & {
  /** With the name of the case where it is not that of the image, and files of other channels. */
  readonly training: readonly (DecathlonJson["training"][number] & {
    readonly name?: string;
    readonly otherChannels?: readonly string[];
  })[];
};

async function requireFolder(storage: Storage, directory: string): Promise<void> {
  const { kind } = await storage.stat(directory).catch((error: unknown) => {
    throw new DataError(`the folder ${directory} cannot be opened: ${reason(error)}`);
  });
  if (kind !== "folder")
    throw new DataError(`${directory} is a file; a Decathlon task is a folder that holds dataset.json`);
}

/** Where in the document a problem is, as `training[3].label`. */
const place = (keys: readonly PropertyKey[]): string =>
  keys.map((key, i) => (typeof key === "number" ? `[${key}]` : `${i === 0 ? "" : "."}${String(key)}`)).join("");

/** The value of a folder's `dataset.json`. Throws DataError that names the file. */
export async function readDatasetDocument(storage: Storage, directory: string): Promise<unknown> {
  const file = joinPath(directory, "dataset.json");
  await requireFolder(storage, directory);
  return readJson(storage, file, "description").catch((error: unknown) => {
    if (!(error instanceof FileReadError && error.missing)) throw error;
    throw new DataError(
      `${directory} is no Decathlon task: it holds no dataset.json, which a task has beside its folders imagesTr and labelsTr`,
    );
  });
}

/** Checks the form of a Decathlon's `dataset.json`. Throws DataError that names the file. */
export function decathlonDataset(directory: string, document: unknown): DatasetJson {
  const file = joinPath(directory, "dataset.json");
  const parsed = datasetJson.safeParse(document);
  if (parsed.success) return parsed.data;
  const { path: keys, problem } = settingProblem(parsed.error, document, settingSchemaOf(datasetJson));
  throw new DataError(`${file} does not describe a Decathlon task: ${place(keys) || "it"} ${problem}`);
}

/** Names by label, background first. Throws DataError naming the file where values have gaps or there are fewer than two. */
export function labelNames(labels: DatasetJson["labels"], file: string): string[] {
  const byValue = new Map<number, string>();
  for (const [key, name] of Object.entries(labels)) {
    const value = Number(key);
    if (byValue.has(value)) throw new DataError(`${file} names the label value ${value} twice`);
    byValue.set(value, name);
  }
  const names = Array.from({ length: byValue.size }, (_, value) => {
    const name = byValue.get(value);
    if (name !== undefined) return name;
    const found = [...byValue.keys()].sort((a, b) => a - b).join(", ");
    throw new DataError(`${file}: label values must be 0, 1, 2, … without gaps, but they are ${found}`);
  });
  if (names.length < 2)
    throw new DataError(
      `${file}: a background and at least one label are needed, but ${names.length} in all are named`,
    );
  return names;
}
