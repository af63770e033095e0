import { randomUUID } from "node:crypto";
import type { Volume } from "@lobule/data";
import type { ResultOptions, SegOptions, SeriesVolume } from "@lobule/dicom";
import { dicomPackage } from "./dicom-package.js";

/** What labels become in DICOM: a type of DICOM SEG, or the outlines of an RT Structure Set. */
export type DicomForm = SegOptions["type"] | "rtstruct";

export interface DicomResultOptions extends Pick<ResultOptions, "anonymize" | "classes"> {
  readonly form: DicomForm;
  /** SHA-256 of the models that made the labels. */
  readonly models: readonly string[];
  /** What labels and series are called in messages. */
  readonly names: readonly [labels: string, series: string];
}

/** The bytes of a DICOM file of now. @throws DicomError, DataError as encodeSeg and encodeRtstruct. */
export async function dicomResultOf(
  series: SeriesVolume,
  labels: Volume,
  { form, models, names, ...others }: DicomResultOptions,
): Promise<Uint8Array> {
  const { encodeSeg, encodeRtstruct } = await dicomPackage();
  const options: ResultOptions = {
    ...others,
    algorithm: `lobule ${models.map((sha256) => sha256.slice(0, 16)).join(" ")}`,
    now: new Date(),
    // A UUID as a UID. Source: DICOM PS3.5, B.2.
    uid: () => `2.25.${BigInt(`0x${randomUUID().replaceAll("-", "")}`)}`,
  };
  return form === "rtstruct"
    ? encodeRtstruct(series, labels, names, options)
    : encodeSeg(series, labels, names, { ...options, type: form });
}
