import type { Window } from "@lobule/data";
import type { ModelDescription, SegmentResult } from "@lobule/train";
import { montage } from "./montage.js";

/** What a preview needs of a segmented scan. */
interface PreviewedResult extends Pick<SegmentResult, "previews" | "voxels" | "milliliters"> {
  readonly header: Pick<SegmentResult["header"], "orientation" | "spacing" | "shape">;
}

/** The classes of a model, and HU that are drawn black and white; of several channels those of the first. */
interface DrawnModel extends Pick<ModelDescription, "classes"> {
  readonly window: Window;
}

/** Some of the scan's slices with the labels drawn, as PNG; the patient's right is on the left, the front above. */
export function segmentPreview(
  { previews, header, voxels, milliliters }: PreviewedResult,
  { window: [low, high], classes }: DrawnModel,
): Uint8Array {
  const [first, second, third] = header.spacing;
  const [letters, spacing] = [[...header.orientation], [first, second, third]];
  const along = (axis: string): number => spacing[letters.findIndex((letter) => axis.includes(letter))] ?? 1;
  const depth =
    header.shape[
      Math.max(
        0,
        letters.findIndex((letter) => "SI".includes(letter)),
      )
    ] ?? previews.length;
  const legend = classes.slice(1).map((name, i) => ({
    label: i + 1,
    text: (voxels[i + 1] ?? 0) === 0 ? `${name}: nothing found` : `${name}: ${(milliliters[i + 1] ?? 0).toFixed(1)} ml`,
  }));
  return montage(
    previews.map(({ slice, width, height, image, labels }) => ({
      width,
      height,
      mark: String(slice + 1),
      spacing: [along("RL"), along("AP")] as const,
      // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
      image: image.map((value) => (value - low) / (high - low)).reverse(),
      labels: labels.slice().reverse(),
    })),
    4,
    {
      legend,
      notes: [
        `${previews.length} of ${depth} slices, each with its number. The patient's right is on the left. Window ${low} to ${high} HU.`,
        ...(voxels.slice(1).every((count) => count === 0) ? ["Nothing was found in any slice."] : []),
      ],
    },
  );
}
