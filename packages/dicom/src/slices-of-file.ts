import { type VoxelArray, visibleText } from "@lobule/data";
import { countOf, type DicomAttributes, itemsOf, numberOr, numbersOf, tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import type { ParsedDicom } from "./parse-dicom.js";
import { pixelFormatOf, valuesOf } from "./pixel-values.js";

type Triple = readonly [number, number, number];

/** One image of a series: a file, or a frame of one. */
export interface DicomSlice {
  /** What it is called in messages: the file's path, with the frame where there are several. */
  readonly path: string;
  /** Its frame, from 1; undefined where the file is one slice. */
  readonly frame: number | undefined;
  /** The attributes that are used of the file; those of the frame are among them. */
  readonly attributes: DicomAttributes;
  readonly rows: number;
  readonly columns: number;
  /** Center of the first pixel, mm in LPS. */
  readonly position: Triple;
  /** Directions in which columns and rows grow, LPS. */
  readonly directions: readonly [along: Triple, down: Triple];
  /** mm from one pixel to the next, along a row and down a column. */
  readonly spacing: readonly [along: number, down: number];
  readonly thickness: number | undefined;
  /** After slope and intercept. */
  readonly values: VoxelArray;
}

/**
 * The slices of a file: one, or the frames of an enhanced image, each with its own place and rescaling.
 * @throws DicomError when it is no image of gray slices that say where they are.
 */
export function slicesOf(path: string, { attributes: all, pixels }: ParsedDicom): readonly DicomSlice[] {
  const [ofAll = {}] = itemsOf(all, tags.sharedGroups);
  const ofEach = itemsOf(all, tags.perFrameGroups);
  // Each slice has its own part of these.
  const { [tags.sharedGroups]: _ofAll, [tags.perFrameGroups]: _ofEach, ...attributes } = all;
  requireGray(path, attributes);
  const frames = numberOr(attributes, tags.frames, 1);
  if (frames !== 1 && (frames < 1 || ofEach.length !== frames)) {
    throw new DicomError(
      `${path} holds ${frames} frames, and says of ${ofEach.length} where they are; give an enhanced image, or a file for each slice`,
    );
  }
  const { allocated } = pixelFormatOf(path, attributes);
  const [rows, columns] = [
    countOf(path, attributes, tags.rows, "rows"),
    countOf(path, attributes, tags.columns, "columns"),
  ];
  const size = (rows * columns * allocated) / 8;
  if (pixels.length < frames * size) {
    throw new DicomError(
      `${path} is cut off: it has ${pixels.length} bytes of pixels, and ${frames * rows * columns} pixels of ${allocated} bits are promised; copy it again`,
    );
  }
  return Array.from({ length: frames }, (_, i) =>
    sliceOf(
      frames === 1 ? path : `${path}, frame ${i + 1}`,
      frames === 1 ? undefined : i + 1,
      { ...attributes, ...groupsOf(ofAll), ...groupsOf(ofEach[i] ?? {}) },
      pixels.subarray(i * size, (i + 1) * size),
    ),
  );
}

/** What functional groups say of a frame's place and of its pixels. Source: DICOM PS3.3, C.7.6.16.2. */
const groupsOf = (item: DicomAttributes): DicomAttributes =>
  Object.assign(
    {},
    ...[tags.planePosition, tags.planeOrientation, tags.pixelMeasures, tags.pixelTransformation].map(
      (tag) => itemsOf(item, tag)[0],
    ),
  );

function requireGray(path: string, attributes: DicomAttributes): void {
  const samples = numberOr(attributes, tags.samples, 1);
  const photometric = textOf(attributes, tags.photometric) ?? "";
  if (samples === 1 && /^MONOCHROME[12]$/.test(photometric)) return;
  throw new DicomError(
    `${path} is a picture of ${samples} samples a pixel (${visibleText(photometric).slice(0, 20)}), where gray slices are expected`,
  );
}

function sliceOf(path: string, frame: number | undefined, attributes: DicomAttributes, pixels: Uint8Array): DicomSlice {
  const position = numbersOf(attributes, tags.position, 3);
  const orientation = numbersOf(attributes, tags.orientation, 6);
  const spacing = numbersOf(attributes, tags.spacing, 2);
  if (
    position === undefined ||
    orientation === undefined ||
    spacing === undefined ||
    !spacing.every((size) => size > 0)
  ) {
    throw new DicomError(
      `${path} does not say where it is in the patient (position, orientation, pixel spacing); such a series has no place`,
    );
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = orientation;
  const [x = 0, y = 0, z = 0] = position;
  const [down = 1, along = 1] = spacing;
  return {
    path,
    frame,
    attributes,
    rows: countOf(path, attributes, tags.rows, "rows"),
    columns: countOf(path, attributes, tags.columns, "columns"),
    position: [x, y, z],
    directions: [
      [a, b, c],
      [d, e, f],
    ],
    spacing: [along, down],
    thickness: numbersOf(attributes, tags.thickness, 1)?.[0],
    values: valuesOf(pixelFormatOf(path, attributes), attributes, pixels),
  };
}
