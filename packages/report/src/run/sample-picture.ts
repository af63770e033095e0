import { montage } from "../picture/montage.js";
import type { EventPicture } from "../tensorboard/event-bytes.js";
import type { ReportSlice } from "./slices-section.js";

/** A validation slice beside its truth and the prediction, with a legend, for TensorBoard. */
export function samplePicture(slice: Omit<ReportSlice, "dice">, classes: readonly string[]): EventPicture {
  const { caseName, slice: number, truth, prediction, ...view } = slice;
  const png = montage(
    [
      { ...view, caption: ["scan"] },
      { ...view, labels: truth, caption: ["truth"] },
      { ...view, labels: prediction, caption: [isEmpty(prediction) ? "nothing found" : "prediction"] },
    ],
    3,
    { legend: classes.slice(1).map((text, i) => ({ label: i + 1, text })) },
  );
  // IHDR is the first chunk of a PNG file: its extents stand behind the signature, a length and a name.
  const header = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return {
    tag: `validation slices/${caseName}, slice ${number}`,
    png,
    width: header.getUint32(16),
    height: header.getUint32(20),
  };
}

const isEmpty = (labels: ArrayLike<number>): boolean => Array.from(labels).every((label) => label === 0);
