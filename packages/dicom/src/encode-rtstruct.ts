import { onGridOf, type Volume } from "@lobule/data";
import { tags, textOf } from "./attributes.js";
import { contoursOf, type Polygon } from "./contours.js";
import { DicomError } from "./dicom-error.js";
import { dicomFileOf } from "./library.js";
import type { SeriesVolume } from "./read-series.js";
import type { DicomSlice } from "./slices-of-file.js";
import { labelsIn, ofStudy, type ResultOptions, referencesTo, referenceTo } from "./source-of-result.js";

/** Lengths in this one have 32 bits; in explicit VR a contour of more than 64 KB could not be written. */
const implicitLittleEndian = "1.2.840.10008.1.2";

/** Colors of regions in viewers, in turn. */
const colors = [
  [230, 25, 75],
  [60, 180, 75],
  [255, 225, 25],
  [0, 130, 200],
  [245, 130, 48],
  [145, 30, 180],
] as const;

/**
 * Labels as a DICOM RT Structure Set: a region for each class, with its outlines in each slice of the series. A point of
 * the grid is in an outline just where its voxel has the class.
 * @param labels on the series' grid, in any order of axes.
 * @param names what labels and series are called in messages.
 * @throws DicomError when no voxel has a class, DataError when the labels are on another grid.
 * Source: DICOM PS3.3 A.19 (RT Structure Set IOD), C.8.8.5, C.8.8.6, C.8.8.8.
 */
export async function encodeRtstruct(
  series: SeriesVolume,
  labels: Volume,
  names: readonly [string, string],
  options: ResultOptions,
): Promise<Uint8Array> {
  const { data } = onGridOf(labels, series, names);
  const { classes } = options;
  const [columns, rows] = series.shape;
  const [first] = series.slices;
  if (first === undefined) throw new RangeError("a series has slices");
  const size = columns * rows;
  const seen = series.slices.map((_, z) => labelsIn(data.subarray(z * size, (z + 1) * size), classes));
  const present = classes.map((_, label) => label).filter((label) => label > 0 && seen.some((each) => each.has(label)));
  if (present.length === 0)
    throw new DicomError(`${names[0]} holds no class but the background, and a structure set has at least one region`);
  const contours = present.map((label) =>
    series.slices.flatMap((slice, z) =>
      seen[z]?.has(label)
        ? contoursOf(columns, rows, (x, y) => data[z * size + y * columns + x] === label).map((polygon) =>
            contourOf(slice, polygon),
          )
        : [],
    ),
  );
  return dicomFileOf({
    ...ofStructureSet(series, first, options),
    ...ofRegions(present, contours, textOf(first.attributes, tags.frameOfReference) ?? "", options),
    _vrMap: {},
    _meta: { TransferSyntaxUID: { vr: "UI", Value: [implicitLittleEndian] } },
  });
}

/** What the file is, when and by what it was made, and of which series. */
function ofStructureSet(series: SeriesVolume, first: DicomSlice, { now, uid, anonymize }: ResultOptions) {
  const own = (tag: string): string => textOf(first.attributes, tag) ?? "";
  const text = now.toISOString().replaceAll(/[-:T]/g, "");
  return {
    ...ofStudy(first, anonymize),
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.481.3",
    SOPInstanceUID: uid(),
    SeriesInstanceUID: uid(),
    SeriesNumber: "1001",
    InstanceNumber: "1",
    Modality: "RTSTRUCT",
    SeriesDescription: "Segmentation",
    OperatorsName: "",
    Manufacturer: "Lobule",
    ManufacturerModelName: "lobule",
    SoftwareVersions: "0.1.0",
    SeriesDate: text.slice(0, 8),
    SeriesTime: text.slice(8, 14),
    StructureSetLabel: "SEGMENTATION",
    StructureSetDescription: "Segmentation by a neural network; research, not for diagnosis",
    StructureSetDate: text.slice(0, 8),
    StructureSetTime: text.slice(8, 14),
    ApprovalStatus: "UNAPPROVED",
    ReferencedFrameOfReferenceSequence: [
      {
        FrameOfReferenceUID: own(tags.frameOfReference),
        RTReferencedStudySequence: [
          {
            ReferencedSOPClassUID: "1.2.840.10008.3.1.2.3.1",
            ReferencedSOPInstanceUID: own(tags.study),
            RTReferencedSeriesSequence: [
              { SeriesInstanceUID: own(tags.series), ContourImageSequence: referencesTo(series.slices) },
            ],
          },
        ],
      },
    ],
  };
}

type Contour = ReturnType<typeof contourOf>;

function ofRegions(
  present: readonly number[],
  contours: readonly (readonly Contour[])[],
  frameOfReference: string,
  { classes, algorithm }: ResultOptions,
) {
  return {
    StructureSetROISequence: present.map((label) => ({
      ROINumber: label,
      ReferencedFrameOfReferenceUID: frameOfReference,
      ROIName: (classes[label] ?? "").slice(0, 64),
      ROIGenerationAlgorithm: "AUTOMATIC",
      ROIGenerationDescription: algorithm.slice(0, 64),
    })),
    ROIContourSequence: present.map((label, i) => ({
      ROIDisplayColor: [...(colors[(label - 1) % colors.length] ?? colors[0])],
      ReferencedROINumber: label,
      ContourSequence: contours[i] ?? [],
    })),
    RTROIObservationsSequence: present.map((label) => ({
      ObservationNumber: label,
      ReferencedROINumber: label,
      RTROIInterpretedType: "",
      ROIInterpreter: "",
    })),
  };
}

/** An outline of a slice's pixels, in mm, LPS. */
function contourOf(slice: DicomSlice, polygon: Polygon) {
  const { position, directions, spacing, frame } = slice;
  const points = polygon.flatMap(([x, y]) =>
    position.map((from, axis) =>
      // Rounded to 0.1 µm, as little as a decimal string should hold.
      String(
        Number(
          (from + x * spacing[0] * (directions[0][axis] ?? 0) + y * spacing[1] * (directions[1][axis] ?? 0)).toFixed(4),
        ),
      ),
    ),
  );
  return {
    ContourImageSequence: [{ ...referenceTo(slice), ...(frame === undefined ? {} : { ReferencedFrameNumber: frame }) }],
    ContourGeometricType: "CLOSED_PLANAR",
    NumberOfContourPoints: polygon.length,
    ContourData: points,
  };
}
