import {
  identityOf,
  mapChannels,
  onGridOf,
  readChannels,
  readNifti,
  type Storage,
  toCanonical,
  type Volume,
  voxelVolume,
} from "@lobule/data";
import { classComponents } from "@lobule/metrics";
import type { CaseComponents } from "../model/postprocessing.js";
import { predictVolume } from "./evaluate-cases.js";
import type { EvaluationPlan } from "./plan-evaluation.js";
import type { SlicePredictor } from "./slice-predictor.js";

/** What validation cases say of a model's labels, and what is to be known of them, a sentence each. */
export interface MeasuredComponents {
  readonly cases: readonly CaseComponents[];
  readonly notes: readonly string[];
}

/**
 * Segments the cases of a plan and tells the components of what is found, for `choosePostprocessing`.
 * @throws DataError when a case cannot be read or has labels that are none of the classes; the signal's reason.
 */
export async function measureComponents(
  storage: Storage,
  predictor: Pick<SlicePredictor, "atOnce" | "margin" | "inZScores" | "crops" | "channels" | "predict" | "classes">,
  { cases, known }: Pick<EvaluationPlan, "cases" | "known">,
  { signal, onCase }: { readonly signal?: AbortSignal; readonly onCase?: (done: number, total: number) => void } = {},
): Promise<MeasuredComponents> {
  const measured: CaseComponents[] = [];
  const notes: string[] = [];
  for (const files of cases) {
    const { name, image, label } = files;
    onCase?.(measured.length, cases.length);
    const channels = await readChannels(storage, files, predictor.channels);
    const scan = mapChannels(channels, (each): Volume => toCanonical(each));
    const [{ affine, shape }] = scan;
    const truth = onGridOf(await readNifti(storage, label), scan[0], [label, `its image ${image}`]);
    if (known.changed(name, identityOf(storage, scan, truth, files, predictor.classes)) === true)
      notes.push(`${name} no longer holds what it held when the run began`);
    const { data } = await predictVolume(predictor, scan, signal);
    const counts = Array<number>(predictor.classes).fill(0);
    for (const each of truth.data) counts[each] = (counts[each] ?? 0) + 1;
    measured.push({
      name,
      voxelMilliliters: voxelVolume(affine) / 1000,
      components: await classComponents(data, truth.data, shape, signal),
      truth: counts,
    });
  }
  onCase?.(cases.length, cases.length);
  return { cases: measured, notes };
}
