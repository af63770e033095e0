import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import dcmjs from "dcmjs";
import codecs from "dcmjs-codecs";
import { zipSync } from "fflate";

/** A synthetic CT series: what is different from a plain one of four slices. */
export interface SeriesChanges {
  readonly slices?: number;
  /** Directions of rows and columns, LPS. */
  readonly orientation?: readonly number[];
  /** From one slice to the next, mm in LPS. */
  readonly step?: readonly [number, number, number];
  /** Attributes of a slice by name that are other than usual. */
  readonly change?: (slice: number) => Readonly<Record<string, unknown>>;
  /** Slices that are not written. */
  readonly without?: readonly number[];
  /** How the pixels are packed, a transfer syntax that dcmjs-codecs knows. */
  readonly syntax?: string | undefined;
  readonly seriesUid?: string;
}

export const extents = { columns: 6, rows: 5 } as const;

/** The HU of a pixel: whole numbers from −1024 on. */
export const hounsfield = (column: number, row: number, slice: number): number =>
  -1024 + 100 * slice + 7 * row + column;

/** The attributes of a slice by name. */
function datasetOf(slice: number, changes: SeriesChanges): Readonly<Record<string, unknown>> {
  const { orientation = [1, 0, 0, 0, 1, 0], step = [0, 0, 2.5], seriesUid = "1.2.3.4" } = changes;
  const stored = new Uint16Array(extents.columns * extents.rows);
  stored.forEach((_, i) => {
    stored[i] = hounsfield(i % extents.columns, Math.floor(i / extents.columns), slice) + 1024;
  });
  return {
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2",
    SOPInstanceUID: `${seriesUid}.${slice + 1}`,
    StudyInstanceUID: "1.2.3",
    SeriesInstanceUID: seriesUid,
    FrameOfReferenceUID: "1.2.3.9",
    StudyDate: "20300101",
    StudyTime: "120000",
    SeriesDescription: "Thorax",
    PatientName: "Doe^Jane",
    PatientID: "17",
    PatientBirthDate: "19700101",
    PatientSex: "F",
    Modality: "CT",
    ImageType: ["ORIGINAL", "PRIMARY", "AXIAL"],
    InstanceNumber: String(slice + 1),
    ImagePositionPatient: [-100, -80, 12].map((value, axis) => String(value + slice * (step[axis] ?? 0))),
    ImageOrientationPatient: orientation.map(String),
    PixelSpacing: ["0.75", "0.5"],
    SliceThickness: "2.5",
    Rows: extents.rows,
    Columns: extents.columns,
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    BitsAllocated: 16,
    BitsStored: 12,
    HighBit: 11,
    PixelRepresentation: 0,
    RescaleSlope: "1",
    RescaleIntercept: "-1024",
    PixelData: stored.buffer,
    _vrMap: { PixelData: "OW" },
    _meta: {},
    ...changes.change?.(slice),
  };
}

/** A file of the attributes, packed by a transfer syntax where one is named. */
async function fileOf(dataset: object, syntax: string | undefined): Promise<Uint8Array> {
  const bytes = dcmjs.data.datasetToDict(dataset).write();
  if (syntax === undefined) return new Uint8Array(bytes);
  await codecs.NativeCodecs.initializeAsync({});
  const transcoder = new codecs.Transcoder(bytes);
  transcoder.transcode(syntax);
  return new Uint8Array(transcoder.getDicomPart10());
}

/**
 * Writes a series as files whose names say nothing of their order.
 * @returns the files, by slice.
 */
export async function writeSeries(folder: string, changes: SeriesChanges = {}): Promise<string[]> {
  const { slices = 4, without = [], syntax } = changes;
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const path = join(folder, `${(7 * slice + 3) % 10}-${slice}.dcm`);
    paths.push(path);
    if (!without.includes(slice)) await writeFile(path, await fileOf(datasetOf(slice, changes), syntax));
  }
  return paths;
}

/**
 * Writes the same slices as the frames of one enhanced image, from the last to the first; what `change` says of a slice's
 * place and rescaling is that of its frame.
 * @param ofFile attributes of the file that are other than usual.
 * @returns the file.
 */
export async function writeEnhanced(folder: string, changes: SeriesChanges = {}, ofFile: object = {}): Promise<string> {
  const { slices = 4, without = [], syntax } = changes;
  const frames = Array.from({ length: slices }, (_, i) => slices - 1 - i)
    .filter((slice) => !without.includes(slice))
    .map((slice) => datasetOf(slice, changes));
  const { ImagePositionPatient: _, RescaleSlope: _slope, RescaleIntercept: _intercept, ...shared } = frames[0] ?? {};
  const { ImageOrientationPatient: _orientation, PixelSpacing, SliceThickness, ...first } = shared;
  const pixels = frames.map(({ PixelData }) => Buffer.from(PixelData as ArrayBuffer));
  const dataset = {
    ...first,
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.2.1",
    NumberOfFrames: frames.length,
    SharedFunctionalGroupsSequence: [{ PixelMeasuresSequence: [{ PixelSpacing, SliceThickness }] }],
    PerFrameFunctionalGroupsSequence: frames.map(
      ({ ImagePositionPatient, ImageOrientationPatient, RescaleSlope, RescaleIntercept }) => ({
        PlanePositionSequence: [{ ImagePositionPatient }],
        PlaneOrientationSequence: [{ ImageOrientationPatient }],
        PixelValueTransformationSequence: [{ RescaleSlope, RescaleIntercept, RescaleType: "HU" }],
      }),
    ),
    PixelData: Uint8Array.from(Buffer.concat(pixels)).buffer,
    ...ofFile,
  };
  await mkdir(folder, { recursive: true });
  const path = join(folder, "enhanced.dcm");
  await writeFile(path, await fileOf(dataset, syntax));
  return path;
}

/** Adds what scanners add of their own to a file: attributes that no standard names, of makers who are known and who are not. */
export async function addPrivateAttributes(path: string): Promise<void> {
  const file = dcmjs.data.DicomMessage.readFile(new Uint8Array(await readFile(path)).buffer);
  const own = { "00090010": "GEMS_IDEN_01", "00091002": "CT01", "00190010": "ACME 1.1", "00191001": "of no meaning" };
  for (const [tag, value] of Object.entries(own)) file.dict = { ...file.dict, [tag]: { vr: "LO", Value: [value] } };
  await writeFile(path, new Uint8Array(file.write()));
}

/** The files of a series in a zip, in a folder of it, beside one that is no slice and what macOS adds. */
export async function zipOfSeries(paths: readonly string[]): Promise<Uint8Array> {
  const files = await Promise.all(
    paths.map(async (path) => [`patient/CT/${basename(path)}`, await readFile(path)] as const),
  );
  const others = { "patient/notes.txt": Buffer.from("no DICOM"), "__MACOSX/patient/._CT": Buffer.from("more") };
  return zipSync({ ...Object.fromEntries(files), ...others, "patient/DICOMDIR": new Uint8Array(200) });
}
