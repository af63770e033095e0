import {
  type Affine,
  commandText,
  dirName,
  exists,
  joinPath,
  readJson,
  type Storage,
  type Vector3,
  voxelVolume,
  writeFileAtomically,
} from "@lobule/data";
import { type ClassComponent, cleanComponents, meanOf } from "@lobule/metrics";
import { z } from "zod";
import { fitJson } from "../json/parse-json.js";

const ruleSchema = z.strictObject({
  label: z.int().positive(),
  name: z.string(),
  /** Whether only the largest connected component of the class stays. */
  largest: z.boolean(),
  /** ml that a component needs to stay; 0 where all do. */
  leastMilliliters: z.number().min(0),
  /** Mean 3D Dice of the cases that it was chosen on, without and with this rule; 1 where truth and labels lack the class. */
  dice: z.strictObject({ without: z.number(), with: z.number() }),
});

const postprocessingSchema = z.strictObject({
  format: z.literal("lobule-postprocessing"),
  version: z.literal(1),
  /** SHA-256 of the checkpoint whose labels it was chosen for; of an ensemble of all, one after another. */
  checkpoint: z.string(),
  /** Validation cases that it was chosen on. */
  cases: z.array(z.string()),
  /** Of the classes that it helps; others are left as they are. */
  rules: z.array(ruleSchema),
});

/** What is done to labels of a model, and what it gained where it was chosen. */
export type Postprocessing = Readonly<z.output<typeof postprocessingSchema>>;
/** What is done to one class. */
export type PostprocessingRule = Readonly<z.output<typeof ruleSchema>>;

/** The components of a predicted case, and how many voxels its truth has of each class. */
export interface CaseComponents {
  readonly name: string;
  /** ml of a voxel. */
  readonly voxelMilliliters: number;
  readonly components: readonly ClassComponent[];
  /** Voxels of each class in the truth. */
  readonly truth: readonly number[];
}

/** Smallest volumes of a component that are tried, ml. */
const triedMilliliters = [0.01, 0.03, 0.1, 0.3, 1, 3, 10] as const;

type Candidate = Pick<PostprocessingRule, "largest" | "leastMilliliters">;

const candidates: readonly Candidate[] = [
  { largest: true, leastMilliliters: 0 },
  ...triedMilliliters.map((leastMilliliters) => ({ largest: false, leastMilliliters })),
];

/** Voxels that a volume has at least. */
const voxelsOf = (milliliters: number, voxelMilliliters: number): number =>
  milliliters === 0 ? 0 : Math.ceil(milliliters / voxelMilliliters);

/** Dice of one class of a case of which only some components stay; 1 where truth and prediction lack it. */
function diceAfter(
  { components, truth, voxelMilliliters }: CaseComponents,
  label: number,
  { largest, leastMilliliters }: Candidate,
): number {
  const own = components.filter((each) => each.label === label);
  const least = voxelsOf(leastMilliliters, voxelMilliliters);
  const most = Math.max(0, ...own.map(({ voxels }) => voxels));
  const first = own.findIndex(({ voxels }) => voxels === most);
  let [predicted, overlap] = [0, 0];
  for (const [i, each] of own.entries()) {
    if (each.voxels < least || (largest && i !== first)) continue;
    predicted += each.voxels;
    overlap += each.overlap;
  }
  const both = predicted + (truth[label] ?? 0);
  return both === 0 ? 1 : (2 * overlap) / both;
}

/**
 * What helps the labels of a model, class by class: that of a few choices with the highest mean Dice over the cases, if it
 * is above the mean without and no more cases lose by it than gain. Of equally good ones the first, from the largest
 * component over small volumes to large ones.
 *
 * Source: Isensee et al. 2021, nnU-Net, which keeps the largest component where that raises the Dice of cross-validation.
 * @param classes names, background first.
 * @param measured labels that the truth tells; the others are left as they are.
 */
export function choosePostprocessing(
  cases: readonly CaseComponents[],
  classes: readonly string[],
  measured: readonly number[] = [...classes.keys()],
): readonly PostprocessingRule[] {
  return classes.flatMap((name, label): PostprocessingRule[] => {
    if (label === 0 || cases.length === 0 || !measured.includes(label)) return [];
    const before = cases.map((each) => diceAfter(each, label, { largest: false, leastMilliliters: 0 }));
    const without = meanOf(before).value ?? 0;
    let best: PostprocessingRule | undefined;
    for (const candidate of candidates) {
      const after = cases.map((each) => diceAfter(each, label, candidate));
      const gained = after.filter((dice, i) => dice > (before[i] ?? 0)).length;
      const lost = after.filter((dice, i) => dice < (before[i] ?? 0)).length;
      const mean = meanOf(after).value ?? 0;
      if (mean <= (best?.dice.with ?? without) || lost > gained) continue;
      best = { label, name, ...candidate, dice: { without, with: mean } };
    }
    return best === undefined ? [] : [best];
  });
}

/**
 * Labels with what was chosen done to them; the same array where that is nothing.
 * @param labels x fastest.
 * @throws the signal's reason.
 */
export async function postprocessed(
  labels: Uint8Array,
  { shape, affine }: { readonly shape: Vector3; readonly affine: Affine },
  { rules }: Pick<Postprocessing, "rules">,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  if (rules.length === 0) return labels;
  const milliliters = voxelVolume(affine) / 1000;
  const byVoxels = rules.map(({ label, largest, leastMilliliters }) => ({
    label,
    largest,
    leastVoxels: voxelsOf(leastMilliliters, milliliters),
  }));
  return cleanComponents(labels, shape, byVoxels, signal);
}

/** "liver: largest component (Dice 0.912 to 0.918)" for each class. */
export const postprocessingText = ({ rules }: Pick<Postprocessing, "rules">): string =>
  rules
    .map(({ name, largest, leastMilliliters, dice }) => {
      const what = largest ? "largest component" : `components of ${leastMilliliters} ml or more`;
      return `${name}: ${what} (per-case 3D Dice of all validation cases ${dice.without.toFixed(3)} to ${dice.with.toFixed(3)})`;
    })
    .join("; ");

/** The file of a run's folder. */
const pathOf = (directory: string): string => joinPath(directory, "postprocessing.json");

/** Keeps with a run what was chosen for it. @returns the path of the file. @throws FileWriteError. */
export async function savePostprocessing(
  storage: Storage,
  directory: string,
  chosen: Pick<Postprocessing, "checkpoint" | "cases" | "rules">,
): Promise<string> {
  const value: Postprocessing = { format: "lobule-postprocessing", version: 1, ...chosen };
  await writeFileAtomically(storage, pathOf(directory), `${JSON.stringify(value, null, 2)}\n`);
  return pathOf(directory);
}

/**
 * What was chosen for a checkpoint of a run; undefined where nothing was, nothing helps, or it was chosen for other weights,
 * as after more training.
 * @param checkpoint `source` is the path of its file in the run's folder, `sha256` what it holds.
 * @throws DataError when the file is no post-processing.
 */
export async function readPostprocessing(
  storage: Storage,
  checkpoint: { readonly source: string; readonly sha256: string },
): Promise<Postprocessing | undefined> {
  const found = await readChosen(storage, dirName(dirName(checkpoint.source)), checkpoint.sha256);
  return found === undefined || found.rules.length === 0 ? undefined : found;
}

/**
 * Says that what was chosen for a run is of other weights than the model's, and so not used; undefined where it is not.
 * @throws DataError when the file is no post-processing.
 */
export async function otherWeightsNote(
  storage: Storage,
  { source, sha256 }: { readonly source: string; readonly sha256: string },
): Promise<string | undefined> {
  const directory = dirName(dirName(source));
  const found = await readFile(storage, pathOf(directory));
  if (found === undefined || found.checkpoint === sha256) return undefined;
  return `${pathOf(directory)} was chosen for other weights than these and is not used; ${commandText("postprocess", directory)} chooses anew`;
}

async function readFile(storage: Storage, path: string): Promise<Postprocessing | undefined> {
  if (!(await exists(storage, path))) return undefined;
  return fitJson(await readJson(storage, path, "record"), postprocessingSchema, path);
}

/**
 * What was chosen for the weights in a folder, though that may be nothing; undefined where it was chosen for other weights
 * or not yet.
 * @param checkpoint SHA-256 of the checkpoint, of an ensemble as {@link weightsOf} has them.
 * @throws DataError when the file is no post-processing.
 */
export async function readChosen(
  storage: Storage,
  directory: string,
  checkpoint: string,
): Promise<Postprocessing | undefined> {
  const found = await readFile(storage, pathOf(directory));
  return found?.checkpoint === checkpoint ? found : undefined;
}

/** Of models, the SHA-256 of their checkpoints one after another. */
export const weightsOf = (models: readonly { readonly sha256: string }[]): string =>
  models.map(({ sha256 }) => sha256).join(" ");
