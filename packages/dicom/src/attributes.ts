import { DicomError } from "./dicom-error.js";

/** A value: text, a number, or an item of a sequence. A person's name is its alphabetic form. */
export type DicomValue = string | number | DicomAttributes;

/** Values of attributes by tag, eight hexadecimal digits. */
export interface DicomAttributes {
  readonly [tag: string]: readonly DicomValue[] | undefined;
}

/** Tags of the attributes that are read, as DICOM PS3.6 has them. */
export const tags = {
  transferSyntax: "00020010",
  imageType: "00080008",
  sopClass: "00080016",
  sopInstance: "00080018",
  studyDate: "00080020",
  studyTime: "00080030",
  accessionNumber: "00080050",
  modality: "00080060",
  seriesDescription: "0008103E",
  patientName: "00100010",
  patientId: "00100020",
  patientBirthDate: "00100030",
  patientSex: "00100040",
  study: "0020000D",
  series: "0020000E",
  studyId: "00200010",
  frameOfReference: "00200052",
  position: "00200032",
  orientation: "00200037",
  thickness: "00180050",
  samples: "00280002",
  photometric: "00280004",
  planar: "00280006",
  frames: "00280008",
  rows: "00280010",
  columns: "00280011",
  spacing: "00280030",
  bitsAllocated: "00280100",
  bitsStored: "00280101",
  highBit: "00280102",
  signed: "00280103",
  intercept: "00281052",
  slope: "00281053",
  // Of images of several frames: what holds for all frames, and for each. Source: DICOM PS3.3, C.7.6.16.
  sharedGroups: "52009229",
  perFrameGroups: "52009230",
  planePosition: "00209113",
  planeOrientation: "00209116",
  pixelMeasures: "00289110",
  pixelTransformation: "00289145",
} as const;

/** The first value as text; undefined where there is none. */
export function textOf(attributes: DicomAttributes, tag: string): string | undefined {
  const value = attributes[tag]?.[0];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** The values as numbers; undefined where there are not `count` of them. */
export function numbersOf(attributes: DicomAttributes, tag: string, count: number): number[] | undefined {
  const values = (attributes[tag] ?? []).map(Number);
  return values.length === count && values.every(Number.isFinite) ? values : undefined;
}

/** The one value as a number, or what it is where there is none. */
export const numberOr = (attributes: DicomAttributes, tag: string, absent: number): number =>
  numbersOf(attributes, tag, 1)?.[0] ?? absent;

/** A whole number of pixels, bits or samples. @throws DicomError naming the file. */
export function countOf(path: string, attributes: DicomAttributes, tag: string, name: string): number {
  const value = numberOr(attributes, tag, Number.NaN);
  if (Number.isSafeInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new DicomError(`${path} does not say its ${name} (${tag}); it is damaged, or no image`);
}

/** The items of a sequence. */
export const itemsOf = (attributes: DicomAttributes, tag: string): readonly DicomAttributes[] =>
  (attributes[tag] ?? []).filter((value) => typeof value === "object");
