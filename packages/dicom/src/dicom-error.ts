import { DataError } from "@lobule/data";

/** A DICOM file or series that cannot be used; one sentence says which, why, and what to do. */
export class DicomError extends DataError {
  override readonly name = "DicomError";
}
