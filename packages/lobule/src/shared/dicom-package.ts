import { DataError } from "@lobule/data";

/** The optional package that reads and writes DICOM. @throws DataError where it is not installed. */
export const dicomPackage = (): Promise<typeof import("@lobule/dicom")> =>
  import("@lobule/dicom").catch(() => {
    throw new DataError("DICOM needs the package @lobule/dicom, which is not installed; npm install @lobule/dicom");
  });
