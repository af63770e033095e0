import { type CaseFiles, DataError, onGridOf, readNifti, toCanonical, type Volume } from "@lobule/data";
import { type CaseResult, evaluateCase } from "../evaluation/evaluate-case.js";
import type { SlicePredictor } from "./slice-predictor.js";

export interface EvaluateOptions {
  /** Tolerance of the normalised surface distance, mm; 2 by default. */
  readonly tolerance?: number;
  readonly onCase?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
  /** Is shown each case with its labels, in canonical order. */
  readonly look?: (name: string, scan: Volume, truth: Volume, prediction: Volume<Uint8Array>) => void;
}

/** Numbers of the slices first … end − 1, and of `margin` on either side; beyond the ends the outermost one again. */
export const withMargin = (first: number, end: number, depth: number, margin: number): number[] =>
  Array.from({ length: end - first + 2 * margin }, (_, i) => Math.min(Math.max(first + i - margin, 0), depth - 1));

/** Labels of a whole volume in canonical order, slice by slice along the body's axis. */
export async function predictVolume(
  predictor: SlicePredictor,
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

/**
 * Segments labelled cases and measures each against its truth, at full resolution, one volume at a time.
 * @throws DataError when a file cannot be read, or its labels are none of the model's classes.
 */
export async function evaluateCases(
  predictor: SlicePredictor,
  cases: readonly CaseFiles[],
  { tolerance, onCase, signal, look }: EvaluateOptions = {},
): Promise<CaseResult[]> {
  if (cases.length === 0) throw new DataError("there is no labelled case to evaluate");
  const results: CaseResult[] = [];
  for (const { name, image, label } of cases) {
    onCase?.(results.length, cases.length, name);
    const scan = toCanonical(await readNifti(image));
    const truth = onGridOf(await readNifti(label), scan, [label, `its image ${image}`]);
    const prediction = await predictVolume(predictor, scan, signal);
    look?.(name, scan, truth, prediction);
    results.push(
      evaluateCase(truth, prediction, predictor.description.classes, {
        name,
        ...(tolerance === undefined ? {} : { tolerance }),
      }),
    );
  }
  onCase?.(cases.length, cases.length, "");
  return results;
}
