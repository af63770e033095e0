import {
  baseName,
  DataError,
  entryAt,
  FileReadError,
  joinPath,
  nnunetNames as namesOfDataset,
  plural,
  readBytes,
  readJson,
  type Storage,
  sha256OfFile,
} from "@lobule/data";
import type { NnUNetSpec, StateEntry } from "@lobule/nn";
import { buildNetwork, type ModelDescription, nnunetSizes, parseModelDescription } from "@lobule/train";
import { matchWeights, WeightMisfitError } from "../pytorch/match-weights.js";
import { type PickleValue, textOf } from "../pytorch/pickle.js";
import { PytorchError } from "../pytorch/pytorch-error.js";
import { type PytorchFile, readPytorch } from "../pytorch/read-pytorch.js";
import { type NnUNetPlan, nnunetPlan } from "./nnunet-plans.js";
import { nnunetNames } from "./nnunet-weights.js";

/** Which weights of a fold: those of its last epoch, or of its best. */
export type NnUNetCheckpoint = "final" | "best";

/** One fold of a trained folder, as a model. */
export interface NnUNetFold {
  readonly description: ModelDescription;
  readonly weights: ReadonlyMap<string, StateEntry>;
  /** SHA-256 of its checkpoint, in hexadecimal. */
  readonly sha256: string;
  readonly plan: NnUNetPlan;
  /** Whether the network was trained on mirror images of both axes, so that prediction may average over them. */
  readonly mirrored: boolean;
}

/**
 * One fold of a folder that nnU-Net v2 trained (`…/nnUNetTrainer__nnUNetPlans__2d`), which has plans.json, dataset.json
 * and fold_*\/checkpoint_*.pth. Nothing of a checkpoint is run.
 * @param fold the name of its folder, see {@link nnunetFolds}.
 * @throws DataError when a file is missing, damaged or says what is not read; WeightMisfitError when weights are not those
 * of the plan's network.
 */
export async function readNnUNetFold(
  storage: Storage,
  directory: string,
  fold: string,
  checkpoint: NnUNetCheckpoint,
): Promise<NnUNetFold> {
  const plans = await readDocument(storage, directory, "plans.json");
  const dataset = await readDocument(storage, directory, "dataset.json");
  const names = namesOfDataset(dataset, joinPath(directory, "dataset.json"));
  const path = joinPath(directory, fold, checkpointName(checkpoint));
  const bytes = await readBytes(storage, path, "tensors");
  const file = named(path, () => readPytorch(bytes));
  const plansFile = joinPath(directory, "plans.json");
  const plan = nnunetPlan(plans, configurationOf(file, directory), plansFile);
  const description = describe(plan, names, plansFile);
  return {
    description,
    weights: named(path, () => weightsOf(file, plan.spec, description)),
    sha256: await sha256OfFile(bytes),
    plan,
    mirrored: isMirrored(file),
  };
}

const checkpointName = (checkpoint: NnUNetCheckpoint): string => `checkpoint_${checkpoint}.pth`;

async function requireFolder(storage: Storage, directory: string): Promise<void> {
  const entry = await entryAt(storage, directory);
  if (entry === undefined) throw new DataError(`${directory}: there is no such folder`);
  if (entry.kind !== "folder") {
    throw new DataError(`${directory} is a file; give the folder that nnU-Net trained, with plans.json and fold_0`);
  }
}

async function readDocument(storage: Storage, directory: string, name: string): Promise<unknown> {
  await requireFolder(storage, directory);
  return readJson(storage, joinPath(directory, name), "description").catch((error: unknown) => {
    if (!(error instanceof FileReadError && error.missing)) throw error;
    throw new DataError(
      `${directory} has no ${name}; give the folder that nnU-Net v2 trained (…__2d), with plans.json, dataset.json and fold_0`,
    );
  });
}

/**
 * The names of the folders of folds that have a checkpoint, in the order of their numbers.
 * @param wanted names of folds, such as 0 or "all"; where there are none, as by default, all that are numbered, or the one of
 * all cases.
 * @throws DataError when there are none, or one that is wanted is not there.
 */
export async function nnunetFolds(
  storage: Storage,
  directory: string,
  checkpoint: NnUNetCheckpoint,
  wanted: readonly string[] = [],
): Promise<readonly [string, ...string[]]> {
  await requireFolder(storage, directory);
  const file = checkpointName(checkpoint);
  const names = (await storage.list(directory)).filter((name) => name.startsWith("fold_"));
  const complete: string[] = [];
  for (const name of names) {
    if ((await entryAt(storage, joinPath(directory, name, file))) !== undefined) complete.push(name);
  }
  complete.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const asked = [...new Set(wanted)].map((fold) => {
    const name = `fold_${fold}`;
    if (complete.includes(name)) return name;
    throw new DataError(`${directory} has no ${name}/${file}; it has ${complete.join(", ") || "none of any fold"}`);
  });
  const numbered = complete.filter((name) => /^fold_\d+$/.test(name));
  const [first, ...others] = asked.length > 0 ? asked : numbered.length > 0 ? numbered : complete;
  if (first !== undefined) return [first, ...others];
  throw new DataError(
    names.length === 0
      ? `${directory} has no folder fold_0, which holds the weights of a fold`
      : `${directory}: none of ${names.join(", ")} has a ${file}; has the training finished?`,
  );
}

/** Which of the plan's configurations a checkpoint is of; the folder's name says it where the file does not. */
function configurationOf({ root }: PytorchFile, directory: string): string {
  const args = root instanceof Map ? root.get("init_args") : undefined;
  const configuration = args instanceof Map ? args.get("configuration") : undefined;
  if (typeof configuration === "string") return configuration;
  return baseName(directory).split("__")[2] ?? "2d";
}

function isMirrored({ root }: PytorchFile): boolean {
  const axes: PickleValue | undefined = root instanceof Map ? root.get("inference_allowed_mirroring_axes") : undefined;
  return Array.isArray(axes) && axes.map(textOf).join() === "0,1";
}

function describe(
  { spec, intensities, patch, spacing, resampling }: NnUNetPlan,
  { classes, channels }: { readonly classes: readonly string[]; readonly channels: readonly string[] },
  file: string,
): ModelDescription {
  if (intensities.length !== channels.length) {
    throw new DataError(
      `${file} normalizes ${plural(intensities.length, "channel")}, and the dataset.json beside it names ${channels.length} (${channels.join(", ")}); give the files of one training`,
    );
  }
  return parseModelDescription(
    {
      version: 1,
      architecture: "NnUNet",
      nnunet: spec,
      inputSlices: 1,
      classes,
      ...nnunetSizes(spec),
      size: null,
      // Here columns come before rows.
      spacing: spacing.toReversed(),
      ...(resampling === "linear" ? {} : { resampling }),
      patch: patch.toReversed(),
      ...(channels.length === 1
        ? intensities[0]
        : { channels: intensities.map((each, i) => ({ name: channels[i], ...each })) }),
      preset: null,
    },
    file,
  );
}

function weightsOf(
  file: PytorchFile,
  spec: NnUNetSpec,
  description: ModelDescription,
): ReadonlyMap<string, StateEntry> {
  const tensors = file.stateDicts.get("network_weights");
  if (tensors === undefined) {
    throw new PytorchError(
      "has no network_weights, so it is no checkpoint of nnU-Net v2; `lobule import pytorch` reads other ones",
    );
  }
  const network = buildNetwork(description, 0);
  const wanted = new Map([...network.namedVariables()].map(([name, { shape }]) => [name, shape]));
  return matchWeights(wanted, file, { entry: "network_weights", map: nnunetNames(tensors.keys(), spec) }).weights;
}

/** Errors of a file with its name before them. */
function named<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WeightMisfitError) throw new WeightMisfitError(`${path}: ${error.message}`, error.misfits);
    throw error instanceof PytorchError ? new PytorchError(`${path}: ${error.message}`) : error;
  }
}
