import {
  type CaseFiles,
  type CaseIdentity,
  DataError,
  identityOf,
  onGridOf,
  readNifti,
  type Storage,
  toCanonical,
  type Volume,
} from "@lobule/data";
import { evaluateCase, type VolumeEdge } from "@lobule/metrics";
import type { LabelMapping } from "../evaluation/label-mapping.js";
import type { CaseSource } from "../evaluation/provenance.js";
import type { MeasuredCase } from "../evaluation/summarize.js";
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
  /** Is shown each case with its labels, in canonical order. */
  readonly look?: (name: string, scan: Volume, truth: Volume, prediction: Volume<Uint8Array>) => void;
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
type VolumePredictor = Pick<SlicePredictor, "atOnce" | "margin" | "description" | "predict">;

/** Indices of the slices first … end − 1, and of `margin` on either side; beyond the ends the outermost one again. */
export const withMargin = (first: number, end: number, depth: number, margin: number): number[] =>
  Array.from({ length: end - first + 2 * margin }, (_, i) => Math.min(Math.max(first + i - margin, 0), depth - 1));

/** Labels of a whole volume in canonical order, slice by slice along the body's axis. */
export async function predictVolume(
  predictor: Omit<VolumePredictor, "description">,
  volume: Volume,
  signal?: AbortSignal,
): Promise<Volume<Uint8Array>> {
  const { shape, data } = volume;
  const [width, height, depth] = shape;
  const size = width * height;
  const labels = new Uint8Array(size * depth);
  for (let first = 0; first < depth; first += predictor.atOnce) {
    signal?.throwIfAborted();
    const end = Math.min(first + predictor.atOnce, depth);
    const found = await predictor.predict(
      withMargin(first, end, depth, predictor.margin).map((slice) => data.subarray(slice * size, (slice + 1) * size)),
      ...([width, height] as const),
    );
    found.forEach((each, i) => {
      labels.set(each, (first + i) * size);
    });
  }
  return { ...volume, data: labels };
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
}

/**
 * Segments labeled cases and measures each against its truth, at full resolution, one volume at a time. A case that
 * cannot be read, or whose labels are none of the classes, does not keep the others from being measured. When the signal
 * says so no further case is measured, and those that are left are failures.
 * @throws DataError for no case at all; the signal's reason where no case was measured before.
 */
export async function evaluateCases(
  storage: Storage,
  predictor: VolumePredictor,
  cases: readonly CaseFiles[],
  options: EvaluateOptions = {},
): Promise<EvaluatedCases> {
  if (cases.length === 0) throw new DataError("there is no labeled case to evaluate");
  const results: MeasuredCase[] = [];
  const leftOut: string[] = [];
  const failures: CaseFailure[] = [];
  const notes: string[] = [];
  for (const [i, files] of cases.entries()) {
    options.onCase?.(i, cases.length, files.name);
    try {
      options.signal?.throwIfAborted();
      const result = await evaluateFiles(storage, predictor, files, options, notes);
      if (result === "trained on") leftOut.push(files.name);
      else results.push(result);
    } catch (error) {
      if (options.signal?.aborted === true && results.length > 0) {
        failures.push(...cases.slice(i).map(({ name }) => ({ name, error: "stopped before it was measured" })));
        break;
      }
      if (!(error instanceof DataError)) throw error;
      failures.push({ name: files.name, error: error.message });
    }
  }
  options.onCase?.(cases.length, cases.length, "");
  return { results, leftOut, failures, notes };
}

/** Measures one case, or leaves it out where the run was trained on it; adds what is odd in its files to `notes`. */
async function evaluateFiles(
  storage: Storage,
  predictor: VolumePredictor,
  files: CaseFiles,
  { tolerance, edge, signal, look, origin }: EvaluateOptions,
  notes: string[],
): Promise<MeasuredCase | "trained on"> {
  const { classes } = predictor.description;
  const { name, image, label } = files;
  const read = async (path: string, of: string): Promise<Volume> => {
    const volume = await readNifti(storage, path);
    notes.push(...volume.notes.map((note) => `${of} of ${name}: ${note}`));
    return volume;
  };
  const scan = toCanonical(await read(image, "image"));
  const given = onGridOf(await read(label, "label map"), scan, [label, `its image ${image}`]);
  const source = origin && sourceOf(identityOf(storage, scan, given, files, origin.mapping.to.length), name, origin);
  if (source?.use === "training" && !origin?.includeTraining) return "trained on";
  const before = source && origin?.measuredBefore?.(name, source);
  if (before !== undefined) return { ...before, ...(source ? { source } : {}) };
  const truth = origin === undefined ? given : mapped(given, origin.mapping);
  const prediction = await predictVolume(predictor, scan, signal);
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
