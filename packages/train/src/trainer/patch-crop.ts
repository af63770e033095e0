import { mapChannels, uniform } from "@lobule/data";
import { composed, fitTransform } from "@lobule/tensor";
import {
  type Preprocessing,
  plainMapping,
  resampledExtents,
  resizedPart,
  type SampleSeed,
  type SliceGrid,
  type SliceMapping,
  shownPart,
} from "./slice-sampling.js";

/** Labels of a slice, a byte a pixel, x fastest, and how many pixels have each. */
export interface LabeledPixels {
  readonly labels: ArrayLike<number>;
  readonly counts: readonly number[];
}

/**
 * The patch of a slice that the network sees in a step: anywhere in the slice, or with a pixel of a label in its middle, as
 * far as the slice reaches; the label is drawn first, then the pixel. A slice that is smaller lies in the middle.
 *
 * Source: Isensee et al. 2021, nnU-Net, which takes patches with foreground for a third of each batch.
 * @param preprocessing of the patch.
 * @param foreground where the patch must hold some, of a slice that does.
 */
export function croppedMapping(
  source: SliceGrid,
  preprocessing: Preprocessing,
  { seed, epoch, sample }: SampleSeed,
  foreground?: LabeledPixels,
): SliceMapping {
  const [width] = source.shape;
  const shown = shownPart(source);
  const seen = resampledExtents(source, preprocessing.spacing);
  const draw = (purpose: string): number => uniform(seed, epoch, sample, purpose);
  const pixel = foreground && labeledPixel(foreground, draw);
  const [, , x0, , , y0] = fitTransform(
    seen.width,
    seen.height,
    preprocessing.width,
    preprocessing.height,
    preprocessing.oddPixel,
  );
  const margin = { x: x0, y: y0 };
  const along = (axis: "x" | "y", extent: number, patch: number, middle: number | undefined): number => {
    const free = extent - patch;
    if (free <= 0) return margin[axis];
    if (middle === undefined) return Math.floor(draw(`patch ${axis}`) * (free + 1));
    return Math.min(Math.max(Math.floor(middle) - Math.floor(patch / 2), 0), free);
  };
  const place = (at: number, own: number, extent: number): number => ((at + 0.5) * extent) / own;
  const x = pixel && place((pixel % width) - shown.x, shown.width, seen.width);
  const y = pixel && place(Math.floor(pixel / width) - shown.y, shown.height, seen.height);
  const left = along("x", seen.width, preprocessing.width, x);
  const top = along("y", seen.height, preprocessing.height, y);
  const transform = composed(resizedPart(source, seen), [1, 0, left, 0, 1, top]);
  return mapChannels(plainMapping(source, preprocessing), (each) => ({ ...each, transform }));
}

/** The index of a pixel of some label but the background; undefined where there is none. */
function labeledPixel({ labels, counts }: LabeledPixels, draw: (purpose: string) => number): number | undefined {
  const there = counts.flatMap((count, label) => (label > 0 && count > 0 ? [label] : []));
  const label = there[Math.floor(draw("patch label") * there.length)];
  if (label === undefined) return undefined;
  let left = Math.floor(draw("patch pixel") * (counts[label] ?? 0));
  for (let i = 0; i < labels.length; i++) if (labels[i] === label && left-- === 0) return i;
  return undefined;
}
