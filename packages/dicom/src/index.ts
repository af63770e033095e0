/**
 * CT series in DICOM as volumes, and labels as DICOM SEG.
 *
 * @module @lobule/dicom
 */

export { DicomError } from "./dicom-error.js";
export type { DicomSlice } from "./dicom-file.js";
export { encodeSeg, type SegOptions } from "./encode-seg.js";
export { readSeries, type SeriesOptions, type SeriesVolume } from "./read-series.js";
export { type Unpack, unpackPixels } from "./unpack-pixels.js";
