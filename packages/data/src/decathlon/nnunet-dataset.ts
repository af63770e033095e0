import { z } from "zod";
import { DataError } from "../data-error.js";
import { reason } from "../files/system-error.js";
import { settingSchemaOf } from "../settings/setting-form.js";
import { settingProblem } from "../settings/setting-problem.js";
import { joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { type DatasetJson, labelNames } from "./dataset-json.js";

/**
 * `dataset.json` as nnU-Net v2 has it: labels by name, and no list of cases, which are the files of labelsTr. Other keys
 * are ignored.
 * Source: nnU-Net's documentation/dataset_format.md.
 */
const nnunetJson = z.object({
  name: z.string().optional(),
  channel_names: z.record(z.string(), z.string()).refine((names) => Object.keys(names).length > 0, "names no channel"),
  labels: z.record(z.string(), z.union([z.int().min(0), z.array(z.int())])),
  numTraining: z.coerce.number().optional().catch(undefined),
  file_ending: z.string().default(".nii.gz"),
});

/** Whether a dataset.json is nnU-Net's. */
export const isNnunet = (document: unknown): boolean =>
  typeof document === "object" && document !== null && "channel_names" in document;

/**
 * What a Decathlon's dataset.json would say of the same folder.
 * @throws DataError naming the file and what is not read: regions of several labels, other file forms; or the file of a
 * channel that is missing.
 */
export async function nnunetDataset(storage: Storage, directory: string, document: unknown): Promise<DatasetJson> {
  const file = joinPath(directory, "dataset.json");
  const { name, channel_names: channels, labels, numTraining, file_ending: ending } = parsed(document, file);
  const modality = channelNames(channels, file);
  if (!/^\.nii(\.gz)?$/i.test(ending)) {
    throw new DataError(`${file}: its images end in '${ending}', and .nii and .nii.gz are read; convert them`);
  }
  const suffixes = modality.map((_, channel) => `_${String(channel).padStart(4, "0")}${ending}`);
  const [first = "", ...others] = suffixes;
  const names = await casesOf(storage, directory, ending, suffixes);
  return {
    ...(name === undefined ? {} : { name }),
    modality: Object.fromEntries(modality.map((each, channel) => [String(channel), each])),
    labels: labelsByNumber(labels, file),
    numTraining,
    training: names.map((each) => ({
      image: joinPath("imagesTr", `${each}${first}`),
      ...(others.length === 0
        ? {}
        : { otherChannels: others.map((suffix) => joinPath("imagesTr", `${each}${suffix}`)) }),
      label: joinPath("labelsTr", `${each}${ending}`),
      name: each,
    })),
    test: (await filesOf(storage, joinPath(directory, "imagesTs"), first, true)).map((each) =>
      joinPath("imagesTs", each),
    ),
  };
}

/**
 * Of a model of nnU-Net, from the dataset.json beside it: its classes, background first (a label 'ignore' is none), and
 * the names of its channels in their order.
 * @throws DataError naming the file and what is not read: regions of several labels, gaps.
 */
export function nnunetNames(
  document: unknown,
  file: string,
): { readonly classes: string[]; readonly channels: string[] } {
  const { channel_names: channels, labels } = parsed(document, file);
  const { ignore: _, ...classes } = labels;
  return { classes: labelNames(labelsByNumber(classes, file), file), channels: channelNames(channels, file) };
}

/** The names of channels 0, 1, 2, … @throws DataError where their numbers have gaps. */
function channelNames(names: Readonly<Record<string, string>>, file: string): string[] {
  const count = Object.keys(names).length;
  return Array.from({ length: count }, (_, channel) => {
    const name = names[channel];
    if (name !== undefined) return name;
    throw new DataError(
      `${file}: channels must be numbered 0, 1, 2, … without gaps, but they are ${Object.keys(names).join(", ")}`,
    );
  });
}

function parsed(document: unknown, file: string): z.output<typeof nnunetJson> {
  const result = nnunetJson.safeParse(document);
  if (result.success) return result.data;
  const { path, problem } = settingProblem(result.error, document, settingSchemaOf(nnunetJson));
  throw new DataError(
    `${file} does not describe an nnU-Net data set: ${path.length === 0 ? "it" : `'${path.join(".")}'`} ${problem}`,
  );
}

function labelsByNumber(labels: Readonly<Record<string, number | number[]>>, file: string): Record<string, string> {
  const byNumber: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels)) {
    if (Array.isArray(value)) {
      throw new DataError(
        `${file}: '${name}' is a region of several labels, and a class of its own is read for each; give one label a name`,
      );
    }
    if (value in byNumber) throw new DataError(`${file} names the label value ${value} twice`);
    byNumber[value] = name;
  }
  return byNumber;
}

/** Names of the labeled cases, each with the files of its channels, whose names end so. */
async function casesOf(
  storage: Storage,
  directory: string,
  ending: string,
  suffixes: readonly string[],
): Promise<string[]> {
  const labels = await filesOf(storage, joinPath(directory, "labelsTr"), ending, false);
  const images = new Set(await filesOf(storage, joinPath(directory, "imagesTr"), ending, false));
  return labels.map((label) => {
    const name = label.slice(0, -ending.length);
    const missing = suffixes.find((suffix) => !images.has(`${name}${suffix}`));
    if (missing === undefined) return name;
    throw new DataError(`${joinPath(directory, "labelsTr", label)} has no image imagesTr/${name}${missing}`);
  });
}

async function filesOf(storage: Storage, folder: string, ending: string, mayLack: boolean): Promise<string[]> {
  const names = await storage.list(folder).catch((error: unknown) => {
    if (mayLack) return [];
    throw new DataError(`the folder ${folder} cannot be read: ${reason(error)}`);
  });
  return names.filter((name) => name.endsWith(ending) && !name.startsWith("._")).sort();
}
