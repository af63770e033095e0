import type { VoxelArray } from "@lobule/data";
import { tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import type { DicomSlice } from "./slices-of-file.js";

/** What labels of a series become in DICOM, whatever the form. */
export interface ResultOptions {
  /** Names of the classes, background first. */
  readonly classes: readonly string[];
  /** What made the labels, for whoever reads the file. */
  readonly algorithm: string;
  /** Leaves out the patient's name, number, birth date and sex, which are otherwise those of the series. */
  readonly anonymize: boolean;
  /** When it is made. */
  readonly now: Date;
  /** Gives a new UID at each call. */
  readonly uid: () => string;
}

/** The labels among voxels. @throws DicomError for one that is no class. */
export function labelsIn(voxels: VoxelArray, classes: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>(voxels);
  for (const label of found) {
    if (Number.isInteger(label) && label >= 0 && label < classes.length) continue;
    throw new DicomError(
      `the labels hold ${label}, and classes are named from 0 to ${classes.length - 1}; name them all`,
    );
  }
  return found;
}

/** Patient and study of what is made from a series, which put it beside the series in an archive. */
export function ofStudy({ attributes }: DicomSlice, anonymize: boolean) {
  const own = (tag: string): string => textOf(attributes, tag) ?? "";
  const ofPatient = (tag: string): string => (anonymize ? "" : own(tag));
  return {
    // As the library writes text; without it names are read as ASCII.
    SpecificCharacterSet: "ISO_IR 192",
    PatientName: ofPatient(tags.patientName),
    PatientID: ofPatient(tags.patientId),
    PatientBirthDate: ofPatient(tags.patientBirthDate),
    PatientSex: ofPatient(tags.patientSex),
    StudyInstanceUID: own(tags.study),
    StudyDate: ofPatient(tags.studyDate),
    StudyTime: ofPatient(tags.studyTime),
    AccessionNumber: ofPatient(tags.accessionNumber),
    ReferringPhysicianName: "",
    StudyID: ofPatient(tags.studyId),
    FrameOfReferenceUID: own(tags.frameOfReference),
    PositionReferenceIndicator: "",
  };
}

/** The file of a slice. */
export const referenceTo = ({ attributes }: DicomSlice) => ({
  ReferencedSOPClassUID: textOf(attributes, tags.sopClass) ?? "",
  ReferencedSOPInstanceUID: textOf(attributes, tags.sopInstance) ?? "",
});

/** The files of slices, each once. */
export const referencesTo = (slices: readonly DicomSlice[]) => [
  ...new Map(slices.map(referenceTo).map((each) => [each.ReferencedSOPInstanceUID, each])).values(),
];

/** A decimal string has at most 16 characters. */
export const decimal = (value: number): string => {
  for (let digits = 15; ; digits--) {
    const text = String(Number(value.toPrecision(digits)));
    if (text.length <= 16) return text;
  }
};
