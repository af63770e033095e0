import {
  type CaseFiles,
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
import type { SlicePredictor } from "./slice-predictor.js";

/**
 * Segments labeled cases and tells the components of what is found, for `choosePostprocessing`.
 * @throws DataError when a case cannot be read; the signal's reason.
 */
export async function measureComponents(
  storage: Storage,
  predictor: Pick<SlicePredictor, "atOnce" | "margin" | "inZScores" | "crops" | "channels" | "predict" | "classes">,
  cases: readonly CaseFiles[],
  { signal, onCase }: { readonly signal?: AbortSignal; readonly onCase?: (done: number, total: number) => void } = {},
): Promise<CaseComponents[]> {
  const measured: CaseComponents[] = [];
  for (const files of cases) {
    const { name, image, label } = files;
    onCase?.(measured.length, cases.length);
    const channels = await readChannels(storage, files, predictor.channels);
    const scan = mapChannels(channels, (each): Volume => toCanonical(each));
    const [{ affine, shape }] = scan;
    const truth = onGridOf(await readNifti(storage, label), scan[0], [label, `its image ${image}`]);
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
  return measured;
}
