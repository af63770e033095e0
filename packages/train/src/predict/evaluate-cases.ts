import {
  type CaseFiles,
  type CaseIdentity,
  type Channels,
  channelZScores,
  DataError,
  identityOf,
  mapChannels,
  type NiftiVolume,
  onGridOf,
  readChannels,
  readNifti,
  type Storage,
  toCanonical,
  type Volume,
  type VoxelArray,
} from "@lobule/data";
import { evaluateCase, type VolumeEdge } from "@lobule/metrics";
import { alone, type Collective, gatherTexts, RankError, rankName } from "../collective/collective.js";
import type { LabelMapping } from "../evaluation/label-mapping.js";
import type { CaseSource } from "../evaluation/provenance.js";
import type { MeasuredCase } from "../evaluation/summarize.js";
import { bodyBoxOf } from "../model/body-box.js";
import { channelsOf } from "../model/intensities.js";
import { type Postprocessing, postprocessed } from "../model/postprocessing.js";
import type { KnownCases } from "../run/known-cases.js";
import type { SlicePredictor } from "./slice-predictor.js";

/** How cases are measured. */
export interface EvaluateOptions {
  /** Tolerance of the normalized surface distance, mm; 2 by default. */
  readonly tolerance?: number;
  /** What the edge of a volume is to a region that reaches it; "surface" by default. */
  readonly edge?: VolumeEdge;
  readonly onCase?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
  /** Whose cases they are; without it, those that the run was validated on in this process. */
  readonly origin?: CaseOrigin;
  /** The processes that take turns with the cases; all know all results. */
  readonly world?: Collective;
  /** What is done to the labels that were predicted; nothing by default. */
  readonly postprocessing?: Pick<Postprocessing, "rules">;
  /** Is shown each case that this process measures with its labels, in canonical order. */
  readonly look?: (name: string, scan: Channels, truth: Volume, prediction: Volume<Uint8Array>) => void;
}

/** What is known of cases before they are read. */
export interface CaseOrigin {
  /** The cases of the run that trained the model. */
  readonly known: KnownCases;
  /** Whether they are in the folder that the run has for its own. */
  readonly own: boolean;
  /** What their labels count as. */
  readonly mapping: LabelMapping;
  /** Measures cases that the run was trained on like the others. */
  readonly includeTraining: boolean;
  /** What an earlier measurement with the same weights and settings has for a case of this content. */
  readonly measuredBefore?: (name: string, source: CaseSource) => MeasuredCase | undefined;
}

/** What labels the slices of a volume. */
type VolumePredictor = Pick<SlicePredictor, "atOnce" | "margin" | "description" | "inZScores" | "crops" | "predict">;

/** Indices of the slices first … end − 1, and of `margin` on either side; beyond the ends the outermost one again. */
export const withMargin = (first: number, end: number, depth: number, margin: number): number[] =>
  Array.from({ length: end - first + 2 * margin }, (_, i) => Math.min(Math.max(first + i - margin, 0), depth - 1));

/** The slices of a scan with these indices, of each all channels. */
export const slicesAt = (scan: Channels, indices: readonly number[]): VoxelArray[] =>
  indices.flatMap((slice) =>
    scan.map(({ data, shape: [width, height] }) => data.subarray(slice * width * height, (slice + 1) * width * height)),
  );

/**
 * Labels of a whole scan in canonical order, slice by slice along the body's axis.
 * @throws DataError when the network sees z-scores by the scan itself, and there are none.
 */
export async function predictVolume(
  predictor: Omit<VolumePredictor, "description">,
  scan: Channels,
  signal?: AbortSignal,
): Promise<Volume<Uint8Array>> {
  const [{ shape, spacing, affine }] = scan;
  const [width, height, depth] = shape;
  const size = width * height;
  const labels = new Uint8Array(size * depth);
  const zScores = channelZScores(scan, predictor.inZScores, "the image");
  const box = predictor.crops ? await bodyBoxOf(scan, predictor.inZScores, signal) : undefined;
  for (let first = 0; first < depth; first += predictor.atOnce) {
    signal?.throwIfAborted();
    const end = Math.min(first + predictor.atOnce, depth);
    const slices = slicesAt(scan, withMargin(first, end, depth, predictor.margin));
    const found = await predictor.predict(slices, width, height, spacing, zScores, box);
    found.forEach((each, i) => {
      labels.set(each, (first + i) * size);
    });
  }
  return { shape, spacing, affine, data: labels };
}

/** A case that could not be measured, and why. */
export interface CaseFailure {
  readonly name: string;
  readonly error: string;
}

export interface EvaluatedCases {
  readonly results: readonly MeasuredCase[];
  /** Cases that the run was trained on and that were therefore left out. */
  readonly leftOut: readonly string[];
  readonly failures: readonly CaseFailure[];
  /** What is odd in the files and does no harm, a sentence each. */
  readonly notes: readonly string[];
  /** Whether work was stopped before all cases were measured. */
  readonly stopped: boolean;
}

/** What became of a case: measured, trained on and left out, not readable, or not reached before work was stopped. */
type CaseOutcome = (
  | { readonly kind: "measured"; readonly result: MeasuredCase }
  | { readonly kind: "left out" | "stopped" }
  | { readonly kind: "failed"; readonly error: string }
) & { readonly notes: readonly string[] };

/** Of a process that SIGTERM ended, as shells have it: what schedules the others knows what to do. */
const stoppedExitCode = 143;

/**
 * Segments labeled cases and measures each against its truth, at full resolution, one volume at a time in each process. A case
 * that cannot be read, or whose labels are none of the classes, does not keep the others from being measured. When the signal
 * of any process says so no further case is measured, and those that are left are failures.
 * @throws DataError for no case at all; the signal's reason where no case was measured before, or on other ranks a RankError.
 */
export async function evaluateCases(
  storage: Storage,
  predictor: VolumePredictor,
  cases: readonly CaseFiles[],
  options: EvaluateOptions = {},
): Promise<EvaluatedCases> {
  if (cases.length === 0) throw new DataError("there is no labeled case to evaluate");
  const { world = alone, onCase, signal } = options;
  const outcomes: CaseOutcome[] = [];
  for (let next = 0; next < cases.length; next += world.size) {
    const own = cases[next + world.rank];
    onCase?.(next, cases.length, own?.name ?? "");
    const outcome = own === undefined ? undefined : await outcomeOf(storage, predictor, own, options);
    const turn = await fromAll(world, outcome);
    outcomes.push(...turn);
    const stopping = turn.findIndex(({ kind }) => kind === "stopped");
    if (stopping < 0) continue;
    if (outcomes.some(({ kind }) => kind === "measured")) break;
    if (world.rank === 0) signal?.throwIfAborted();
    const message = `${rankName(world, stopping)} was asked to stop before the first case was measured`;
    throw new RankError(message, { exitCode: stoppedExitCode });
  }
  onCase?.(cases.length, cases.length, "");
  return evaluatedCases(cases, outcomes);
}

/** What became of the cases of a turn, one of each rank that had one, by rank. */
async function fromAll(world: Collective, own: CaseOutcome | undefined): Promise<CaseOutcome[]> {
  if (world.size === 1) return own === undefined ? [] : [own];
  const texts = await gatherTexts(world, own === undefined ? "" : JSON.stringify(own));
  return texts.flatMap((text): CaseOutcome[] => (text === "" ? [] : [JSON.parse(text)])); // of the same program
}

/** Sorts cases by what became of them; those that are behind the last outcome were not reached. */
function evaluatedCases(cases: readonly CaseFiles[], outcomes: readonly CaseOutcome[]): EvaluatedCases {
  const results: MeasuredCase[] = [];
  const leftOut: string[] = [];
  const failures: CaseFailure[] = [];
  let stopped = false;
  for (const [i, { name }] of cases.entries()) {
    const outcome = outcomes[i];
    if (outcome?.kind === "measured") results.push(outcome.result);
    else if (outcome?.kind === "left out") leftOut.push(name);
    else if (outcome?.kind === "failed") failures.push({ name, error: outcome.error });
    else {
      stopped = true;
      failures.push({ name, error: "stopped before it was measured" });
    }
  }
  return { results, leftOut, failures, notes: outcomes.flatMap(({ notes }) => notes), stopped };
}

/** Measures one case. @throws what is the matter with something else than its files. */
async function outcomeOf(
  storage: Storage,
  predictor: VolumePredictor,
  files: CaseFiles,
  options: EvaluateOptions,
): Promise<CaseOutcome> {
  const notes: string[] = [];
  try {
    options.signal?.throwIfAborted();
    const result = await evaluateFiles(storage, predictor, files, options, notes);
    return result === "trained on" ? { kind: "left out", notes } : { kind: "measured", result, notes };
  } catch (error) {
    if (options.signal?.aborted === true) return { kind: "stopped", notes };
    if (!(error instanceof DataError)) throw error;
    return { kind: "failed", error: error.message, notes };
  }
}

/** Measures one case, or leaves it out where the run was trained on it; adds what is odd in its files to `notes`. */
async function evaluateFiles(
  storage: Storage,
  predictor: VolumePredictor,
  files: CaseFiles,
  { tolerance, edge, signal, look, origin, postprocessing = { rules: [] } }: EvaluateOptions,
  notes: string[],
): Promise<MeasuredCase | "trained on"> {
  const { classes } = predictor.description;
  const { name, image, label } = files;
  const noted = <Each extends NiftiVolume>(volume: Each, of: string): Each => {
    notes.push(...volume.notes.map((note) => `${of} of ${name}: ${note}`));
    return volume;
  };
  const channels = await readChannels(storage, files, channelsOf(predictor.description).length);
  const scan = mapChannels(channels, (each): Volume => toCanonical(noted(each, "image")));
  const given = onGridOf(noted(await readNifti(storage, label), "label map"), scan[0], [label, `its image ${image}`]);
  const source = origin && sourceOf(identityOf(storage, scan, given, files, origin.mapping.to.length), name, origin);
  if (source?.use === "training" && !origin?.includeTraining) return "trained on";
  const before = source && origin?.measuredBefore?.(name, source);
  if (before !== undefined) return { ...before, ...(source ? { source } : {}) };
  const truth = origin === undefined ? given : mapped(given, origin.mapping);
  const raw = await predictVolume(predictor, scan, signal);
  const prediction = { ...raw, data: await postprocessed(raw.data, raw, postprocessing, signal) };
  look?.(name, scan, truth, prediction);
  const result = await evaluateCase(truth, prediction, classes, {
    name,
    ...(tolerance === undefined ? {} : { tolerance }),
    ...(edge === undefined ? {} : { edge }),
    ...(signal === undefined ? {} : { signal }),
  });
  const measured = new Set(origin?.mapping.measured ?? result.classes.map(({ label }) => label));
  return {
    ...result,
    classes: result.classes.filter(({ label }) => measured.has(label)),
    ...(source === undefined ? {} : { source }),
  };
}

/** What the run has to do with a case. */
function sourceOf(identity: CaseIdentity, name: string, { known, own }: CaseOrigin): CaseSource {
  const { content } = identity;
  const found = known.recognize(identity);
  const notes: string[] = [];
  if (found?.imageOnly) {
    notes.push(`the image of the ${found.use} case ${found.name}, with other labels or another grid`);
  } else if (found !== undefined && found.name !== name) notes.push(`the ${found.use} case ${found.name}`);
  if (own && known.changed(name, identity)) notes.push("no longer holds what it held when the run began");
  const use = found?.use ?? (known.checkable ? "none" : "unknown");
  return { use, content, note: notes.length === 0 ? null : notes.join("; ") };
}

/** The truth in the model's labels. */
function mapped(truth: Volume, { to }: LabelMapping): Volume {
  if (to.every((target, value) => target === value)) return truth;
  const data = new Uint8Array(truth.data.length);
  for (let i = 0; i < data.length; i++) data[i] = to[truth.data[i] ?? 0] ?? 0;
  return { ...truth, data };
}
