import {
  type ImageFiles,
  MemoryStorage,
  readNifti,
  readNiftiHeader,
  type Volume,
  writeFileAtomically,
} from "@lobule/data";
import type { SeriesVolume } from "@lobule/dicom";
import { nodeStorage } from "@lobule/node";
import {
  type SavedModel,
  type SegmentOptions,
  type SegmentResult,
  type SlicePredictor,
  segmentVolume,
} from "@lobule/train";
import { readingFor, type ScanChannels } from "../shared/channel-files.js";
import { dicomResultOf } from "../shared/dicom-result.js";
import { isSeries, type ReadScanOptions, readDicomSeries, readScanFile, requireNoSeries } from "../shared/read-scan.js";
import { isSegFile, type SegmentFiles } from "./segment-files.js";

interface OpenOptions extends ReadScanOptions {
  /** That the model takes. */
  readonly channels: number;
}

/** A scan that can be segmented: the path of a NIfTI file, those of its channels, or what was read of another form. */
export type OpenScan = string | ImageFiles | Volume | SeriesVolume;

/**
 * Gives a scan of any form to `segmentVolume`. The slices of a NIfTI file are read when their turn comes. Readers of other
 * forms have the whole volume in memory, so it is passed on as it is: a temporary NIfTI file would have to be removed
 * however the command ends, and one in memory would be the same voxels twice.
 * @throws DataError when the scan cannot be read; the signal's reason.
 */
export async function openScan({ scan, otherChannels }: ScanChannels, options: OpenOptions): Promise<OpenScan> {
  if (await isSeries(scan)) return readDicomSeries(scan, options);
  if (/\.(nrrd|nhdr|mha|mhd)$/i.test(scan)) return readScanFile(scan, options);
  requireNoSeries(scan, options.series);
  // Before a GPU is opened for it.
  const { channels } = options;
  await readingFor(channels, () => readNiftiHeader(nodeStorage, scan, otherChannels === undefined ? channels : 1));
  return otherChannels === undefined ? scan : { image: scan, otherChannels };
}

/** Labels a scan and writes the labels in the form of their file's name: NIfTI, or a DICOM SEG of the series. */
export async function segmentScan(
  predictor: SlicePredictor,
  models: readonly SavedModel[],
  scan: OpenScan,
  { scan: path, output }: SegmentFiles,
  options: SegmentOptions,
): Promise<SegmentResult> {
  if (typeof scan === "string" || "image" in scan || !("slices" in scan))
    return segmentVolume(nodeStorage, predictor, scan, output, options);
  const notes = (result: SegmentResult): SegmentResult => ({ ...result, notes: [...scan.notes, ...result.notes] });
  if (!isSegFile(output)) return notes(await segmentVolume(nodeStorage, predictor, scan, output, options));
  // A byte a voxel, beside the scan's two or four.
  const memory = new MemoryStorage();
  const result = await segmentVolume(memory, predictor, scan, "labels.nii", {
    ...options,
    mapStorage: nodeStorage,
  });
  const seg = await dicomResultOf(scan, await readNifti(memory, "labels.nii"), {
    form: "binary",
    anonymize: false,
    classes: predictor.description.classes,
    models: models.map(({ sha256 }) => sha256),
    names: [output, path],
  });
  await writeFileAtomically(nodeStorage, output, seg);
  return notes(result);
}
