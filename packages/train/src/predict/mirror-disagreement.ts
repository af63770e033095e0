import { readNifti, type Storage, toCanonical, type Volume, type VoxelArray } from "@lobule/data";
import { predictVolume } from "./evaluate-cases.js";
import type { SlicePredictor } from "./slice-predictor.js";

type Predictor = Pick<SlicePredictor, "atOnce" | "margin" | "inZScores" | "crops" | "predict">;

/** How much a model contradicts itself on a scan. */
export interface Disagreement {
  /**
   * 1 − 2·A/(P + M): P and M are the foreground voxels of the scan's labels and of its mirror image's, A those of the same
   * class in both. 0 where both are the same, 1 where they share nothing; 0 where neither has foreground.
   */
  readonly share: number;
  /** The canonical slice on which most voxels differ. */
  readonly slice: number;
}

/**
 * Labels a scan and its left-right mirror image, and compares what was found. A model is least sure of cases on which both
 * differ most, so that they are worth to be corrected first. Source: Wang et al. 2019, "Aleatoric uncertainty estimation
 * with test-time augmentation".
 * @throws DataError as readNifti; the signal's reason.
 */
export async function mirrorDisagreement(
  storage: Storage,
  predictor: Predictor,
  scan: string,
  signal?: AbortSignal,
): Promise<Disagreement> {
  const volume = toCanonical(await readNifti(storage, scan));
  const labels = await predictVolume(predictor, [volume], signal);
  const reversed = await predictVolume(predictor, [leftRight(volume)], signal);
  return disagreementOf(labels, leftRight(reversed));
}

/** The rows of a canonical volume in reverse order. */
export function leftRight<Voxels extends VoxelArray>(volume: Volume<Voxels>): Volume<Voxels> {
  const [width] = volume.shape;
  const data = volume.data.slice() as Voxels;
  for (let at = 0; at < data.length; at += width) data.subarray(at, at + width).reverse();
  return { ...volume, data };
}

/** Compares two label maps of a shape. */
export function disagreementOf(a: Volume<Uint8Array>, b: Volume<Uint8Array>): Disagreement {
  const [width, height, depth] = a.shape;
  let [same, foreground, most, worst] = [0, 0, 0, 0];
  for (let slice = 0, i = 0; slice < depth; slice++) {
    let differing = 0;
    for (const end = i + width * height; i < end; i++) {
      const [first, second] = [a.data[i] ?? 0, b.data[i] ?? 0];
      if (first !== second) differing += 1;
      else if (first !== 0) same += 1;
      foreground += (first === 0 ? 0 : 1) + (second === 0 ? 0 : 1);
    }
    if (differing > most) [most, worst] = [differing, slice];
  }
  return { share: foreground === 0 ? 0 : 1 - (2 * same) / foreground, slice: worst };
}
