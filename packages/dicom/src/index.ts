/**
 * CT series in DICOM as volumes, and labels as DICOM SEG or RTSTRUCT.
 *
 * @module @lobule/dicom
 */

export { DicomError } from "./dicom-error.js";
export { encodeRtstruct } from "./encode-rtstruct.js";
export { encodeSeg, type SegOptions } from "./encode-seg.js";
export { loadParser, type ParseDicom, type ParsedDicom, parseDicom } from "./parse-dicom.js";
export { readSeries, type SeriesOptions, type SeriesVolume } from "./read-series.js";
export type { SeriesFile } from "./series-files.js";
export type { DicomSlice } from "./slices-of-file.js";
export type { ResultOptions } from "./source-of-result.js";
