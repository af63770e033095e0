import { DataError, entryAt, readImage, type Volume } from "@lobule/data";
import type { SeriesVolume } from "@lobule/dicom";
import { nodeStorage } from "@lobule/node";
import { dicomPackage } from "./dicom-package.js";
import { DicomThread } from "./dicom-thread.js";

export interface ReadScanOptions {
  /** UID of the series, where a folder holds several. */
  readonly series?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Whether a path names a DICOM series: a folder, a .zip of one, or an enhanced image. */
export const isSeries = async (path: string): Promise<boolean> =>
  /\.(zip|dcm)$/i.test(path) || (await entryAt(nodeStorage, path))?.kind === "folder";

/**
 * The DICOM series of a folder, .zip or enhanced image.
 * @throws DataError where the package for DICOM is not installed, or as readSeries; the signal's reason.
 */
export async function readDicomSeries(path: string, { series, signal }: ReadScanOptions): Promise<SeriesVolume> {
  const { readSeries } = await dicomPackage();
  const thread = new DicomThread({ signal });
  try {
    return await readSeries(nodeStorage, path, { seriesUid: series, parse: (file) => thread.parse(file), signal });
  } finally {
    await thread.end();
  }
}

/**
 * A scan of one file of a form other than DICOM, as a whole.
 * @throws DataError as readImage, and where a series is named.
 */
export async function readScanFile(path: string, { series }: ReadScanOptions): Promise<Volume> {
  requireNoSeries(path, series);
  if ((await entryAt(nodeStorage, path)) === undefined) throw new DataError(`there is no file or folder ${path}`);
  return readImage(nodeStorage, path);
}

/** @throws DataError where a series is named, though there is none to choose from. */
export function requireNoSeries(path: string, series: string | undefined): void {
  if (series === undefined) return;
  throw new DataError(`--series ${series} names one of several series of a folder or .zip, and ${path} is neither`);
}
