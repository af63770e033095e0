import { randomUUID } from "node:crypto";
import type { Volume } from "@lobule/data";
import type { SegOptions, SeriesVolume } from "@lobule/dicom";
import { dicomPackage } from "./dicom-package.js";

export interface DicomSegOptions extends Pick<SegOptions, "type" | "anonymize" | "classes"> {
  /** SHA-256 of the models that made the labels. */
  readonly models: readonly string[];
  /** What labels and series are called in messages. */
  readonly names: readonly [labels: string, series: string];
}

/** The bytes of a DICOM SEG of now. @throws DicomError, DataError as encodeSeg. */
export async function dicomSegOf(
  series: SeriesVolume,
  labels: Volume,
  { models, names, ...options }: DicomSegOptions,
): Promise<Uint8Array> {
  const { encodeSeg } = await dicomPackage();
  return encodeSeg(series, labels, names, {
    ...options,
    algorithm: `lobule ${models.map((sha256) => sha256.slice(0, 16)).join(" ")}`,
    now: new Date(),
    // A UUID as a UID. Source: DICOM PS3.5, B.2.
    uid: () => `2.25.${BigInt(`0x${randomUUID().replaceAll("-", "")}`)}`,
  });
}
