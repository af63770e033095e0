import { onGridOf, type Volume, type VoxelArray } from "@lobule/data";
import { tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import { dicomFileOf } from "./library.js";
import type { SeriesVolume } from "./read-series.js";
import { codesOf } from "./segment-codes.js";
import type { DicomSlice } from "./slices-of-file.js";
import { decimal, labelsIn, ofStudy, type ResultOptions, referencesTo, referenceTo } from "./source-of-result.js";

/** How labels become a DICOM SEG. */
export interface SegOptions extends ResultOptions {
  /** binary: a frame of bits for each class and slice; labelmap: a frame of bytes for each slice, which few viewers know. */
  readonly type: "binary" | "labelmap";
}

const sopClasses = { binary: "1.2.840.10008.5.1.4.1.1.66.4", labelmap: "1.2.840.10008.5.1.4.1.1.66.7" } as const;

/** What is seen of one class in one slice, or of all classes. */
interface Frame {
  readonly slice: number;
  /** The class; 0 where the frame has all. */
  readonly segment: number;
}

/**
 * Labels as a DICOM SEG that refers to the slices of their series. Patient and study are those of the series, so that an
 * archive files it there; nothing else of the series is copied but its place in space.
 * @param labels on the series' grid, in any order of axes.
 * @throws DicomError when no voxel has a class, DataError when the labels are on another grid.
 * Source: DICOM PS3.3 A.51 (Segmentation IOD), C.8.20.
 */
export async function encodeSeg(
  series: SeriesVolume,
  labels: Volume,
  names: readonly [string, string],
  options: SegOptions,
): Promise<Uint8Array> {
  const { data } = onGridOf(labels, series, names);
  const { type, classes, uid } = options;
  const size = series.shape[0] * series.shape[1];
  const seen = series.slices.map((_, slice) => labelsIn(data.subarray(slice * size, (slice + 1) * size), classes));
  const present = classes.map((_, c) => c).filter((c) => c > 0 && seen.some((slice) => slice.has(c)));
  if (present.length === 0)
    throw new DicomError(`${names[0]} holds no class but the background, and a DICOM SEG has at least one segment`);
  const frames: Frame[] =
    type === "labelmap"
      ? seen.flatMap((found, slice) => ([...found].some((c) => c > 0) ? [{ slice, segment: 0 }] : []))
      : present.flatMap((segment) => seen.flatMap((found, slice) => (found.has(segment) ? [{ slice, segment }] : [])));
  const [first] = series.slices;
  if (first === undefined) throw new RangeError("a series has slices");
  const dataset = {
    ...ofStudy(first, options.anonymize),
    ...ofSegmentation(series, first, options),
    ...ofFrames(series, frames, present, options, uid()),
    SegmentSequence: present.map((c) => segmentOf(c, options)),
    PixelData: type === "labelmap" ? bytesOf(data, frames, size) : bitsOf(data, frames, size),
    _vrMap: { PixelData: "OB" },
    _meta: {},
  };
  return dicomFileOf(dataset);
}

/** One bit a pixel, the least first; frames follow each other without gaps. */
function bitsOf(data: VoxelArray, frames: readonly Frame[], size: number): ArrayBuffer {
  // An even number of bytes, as DICOM has it.
  const bits = new Uint8Array(2 * Math.ceil((frames.length * size) / 16));
  frames.forEach(({ slice, segment }, n) => {
    for (let i = 0; i < size; i++) {
      if (data[slice * size + i] !== segment) continue;
      const at = n * size + i;
      bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
    }
  });
  return bits.buffer;
}

function bytesOf(data: VoxelArray, frames: readonly Frame[], size: number): ArrayBuffer {
  const bytes = new Uint8Array(2 * Math.ceil((frames.length * size) / 2));
  for (const [n, { slice }] of frames.entries()) bytes.set(data.subarray(slice * size, (slice + 1) * size), n * size);
  return bytes.buffer;
}

function ofSegmentation(series: SeriesVolume, first: DicomSlice, { type, now, uid }: SegOptions) {
  const text = now.toISOString().replaceAll(/[-:T]/g, "");
  const isBinary = type === "binary";
  return {
    SOPClassUID: sopClasses[type],
    SOPInstanceUID: uid(),
    SeriesInstanceUID: uid(),
    SeriesNumber: "1000",
    InstanceNumber: "1",
    Modality: "SEG",
    SeriesDescription: "Segmentation",
    Manufacturer: "Lobule",
    ManufacturerModelName: "lobule",
    DeviceSerialNumber: "0",
    SoftwareVersions: "0.1.0",
    ContentDate: text.slice(0, 8),
    ContentTime: text.slice(8, 14),
    SeriesDate: text.slice(0, 8),
    SeriesTime: text.slice(8, 14),
    ContentLabel: "SEGMENTATION",
    ContentDescription: "Segmentation by a neural network; research, not for diagnosis",
    ContentCreatorName: "",
    ImageType: ["DERIVED", "PRIMARY"],
    SegmentationType: type.toUpperCase(),
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    PixelRepresentation: 0,
    Rows: first.rows,
    Columns: first.columns,
    BitsAllocated: isBinary ? 1 : 8,
    BitsStored: isBinary ? 1 : 8,
    HighBit: isBinary ? 0 : 7,
    LossyImageCompression: "00",
    ...(isBinary ? {} : { PixelPaddingValue: 0 }),
    ReferencedSeriesSequence: [
      {
        SeriesInstanceUID: textOf(first.attributes, tags.series) ?? "",
        ReferencedInstanceSequence: referencesTo(series.slices),
      },
    ],
  };
}

function segmentOf(segment: number, { classes, algorithm }: SegOptions) {
  const name = classes[segment] ?? "";
  const { category, type } = codesOf(name);
  return {
    SegmentNumber: segment,
    SegmentLabel: name.slice(0, 64),
    SegmentAlgorithmType: "AUTOMATIC",
    SegmentAlgorithmName: algorithm.slice(0, 64),
    SegmentedPropertyCategoryCodeSequence: [category],
    SegmentedPropertyTypeCodeSequence: [type],
  };
}

/** Attributes by which frames are ordered. */
const pointers = {
  segment: { DimensionIndexPointer: 0x0062000b, FunctionalGroupPointer: 0x0062000a },
  place: { DimensionIndexPointer: 0x00200032, FunctionalGroupPointer: 0x00209113 },
} as const;

function ofFrames(
  series: SeriesVolume,
  frames: readonly Frame[],
  present: readonly number[],
  { type }: SegOptions,
  organization: string,
) {
  const isBinary = type === "binary";
  const indices = isBinary ? [pointers.segment, pointers.place] : [pointers.place];
  return {
    NumberOfFrames: frames.length,
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: organization }],
    DimensionIndexSequence: indices.map(({ DimensionIndexPointer, FunctionalGroupPointer }) => ({
      DimensionOrganizationUID: organization,
      DimensionIndexPointer: DimensionIndexPointer,
      FunctionalGroupPointer: FunctionalGroupPointer,
    })),
    SharedFunctionalGroupsSequence: [sharedGroupsOf(series)],
    PerFrameFunctionalGroupsSequence: frames.map(({ slice, segment }) => {
      const source = series.slices[slice];
      if (source === undefined) throw new RangeError(`the series has no slice ${slice}`);
      return {
        FrameContentSequence: [
          { DimensionIndexValues: isBinary ? [present.indexOf(segment) + 1, slice + 1] : [slice + 1] },
        ],
        PlanePositionSequence: [{ ImagePositionPatient: source.position.map(decimal) }],
        ...(isBinary ? { SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment }] } : {}),
        DerivationImageSequence: [derivedFrom(source)],
      };
    }),
  };
}

/** What all frames have in common: the directions of the patient along rows and columns, and the extents of a voxel. */
function sharedGroupsOf({ slices: [first], spacing: ofVoxels }: SeriesVolume) {
  const { directions, spacing } = first ?? {
    directions: [
      [1, 0, 0],
      [0, 1, 0],
    ],
    spacing: [1, 1],
  };
  return {
    PlaneOrientationSequence: [{ ImageOrientationPatient: directions.flat().map(decimal) }],
    PixelMeasuresSequence: [
      {
        PixelSpacing: [decimal(spacing[1] ?? 1), decimal(spacing[0] ?? 1)],
        SliceThickness: decimal(first?.thickness ?? ofVoxels[2]),
        SpacingBetweenSlices: decimal(ofVoxels[2]),
      },
    ],
  };
}

/** That a frame is a segmentation of a slice of the series. */
const derivedFrom = (source: DicomSlice) => ({
  DerivationCodeSequence: [{ CodeValue: "113076", CodingSchemeDesignator: "DCM", CodeMeaning: "Segmentation" }],
  SourceImageSequence: [
    {
      ...referenceTo(source),
      ...(source.frame === undefined ? {} : { ReferencedFrameNumber: source.frame }),
      PurposeOfReferenceCodeSequence: [
        {
          CodeValue: "121322",
          CodingSchemeDesignator: "DCM",
          CodeMeaning: "Source image for image processing operation",
        },
      ],
    },
  ],
});
