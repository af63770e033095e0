import { type ModelDescription, montage, type SegmentResult } from "@lobule/train";

/** Some of the scan's slices with the labels outlined, as PNG; the patient's right is on the left, the front above. */
export function previewPicture(
  { previews, header }: SegmentResult,
  { window: [low, high] }: ModelDescription,
): Uint8Array {
  const [first, second, third] = header.spacing;
  const [letters, spacing] = [[...header.orientation], [first, second, third]];
  const along = (axis: string): number => spacing[letters.findIndex((letter) => axis.includes(letter))] ?? 1;
  return montage(
    previews.map(({ slice, width, height, image, labels }) => ({
      ...{ width, height, number: slice + 1, spacing: [along("RL"), along("AP")] as const },
      // Canonical slices run to the right and to the front; turned by 180° they lie as radiologists look at them.
      image: image.map((value) => (value - low) / (high - low)).reverse(),
      prediction: labels.slice().reverse(),
    })),
    4,
  );
}
