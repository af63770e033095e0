import { type VoxelArray, visibleText } from "@lobule/data";
import dcmjs from "dcmjs";
import { countOf, type DicomAttributes, numberOr, numbersOf, tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import { quietLibrary } from "./quiet-library.js";
import type { SeriesFile } from "./series-files.js";
import type { Unpack } from "./unpack-pixels.js";

type Triple = readonly [number, number, number];

/** One image of a series. */
export interface DicomSlice {
  readonly path: string;
  /** All attributes but the pixels. */
  readonly attributes: DicomAttributes;
  readonly seriesUid: string;
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

/** Transfer syntaxes of pixels as they are. */
const plainSyntaxes = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"];
/** Those that the codecs unpack: big endian, RLE, JPEG, JPEG-LS, JPEG 2000 and HTJ2K. */
const packedSyntaxes = [
  "1.2.840.10008.1.2.2",
  "1.2.840.10008.1.2.5",
  ...["50", "70", "80", "81", "90", "91", "201", "202", "203"].map((kind) => `1.2.840.10008.1.2.4.${kind}`),
];

/** Whether a file begins as DICOM files do: 128 bytes of anything, then DICM. */
const isDicom = (bytes: Uint8Array): boolean =>
  bytes[128] === 0x44 && bytes[129] === 0x49 && bytes[130] === 0x43 && bytes[131] === 0x4d;

/**
 * Reads an image; undefined for a file that is no DICOM file, or holds something else than an image.
 * @throws DicomError when it is damaged, compressed in a way that is not known, or no image of one gray slice.
 */
export async function readDicom({ path, bytes }: SeriesFile, unpack: Unpack): Promise<DicomSlice | undefined> {
  if (!isDicom(bytes)) return undefined;
  quietLibrary();
  const attributes = parsed(path, bytes);
  const pixels = attributes[tags.pixels];
  if (pixels === undefined) return undefined;
  requireWithin(path, pixels.Value ?? [], bytes.length);
  return sliceOf(path, await withPlainPixels(path, bytes, attributes, unpack));
}

/** Before anything is unpacked. @throws DicomError when the lengths of the pixels are more than the file has. */
function requireWithin(path: string, parts: readonly unknown[], size: number): void {
  const claimed = parts.reduce<number>(
    (sum, part) => sum + (part instanceof ArrayBuffer || part instanceof Uint8Array ? part.byteLength : 0),
    0,
  );
  if (claimed <= size) return;
  throw new DicomError(
    `${path} is damaged: its pixels claim ${claimed} bytes, and the file has ${size}; copy it again`,
  );
}

/** Attributes by tag, those of the file itself included. */
function parsed(path: string, bytes: Uint8Array): DicomAttributes {
  try {
    const { meta, dict } = dcmjs.data.DicomMessage.readFile(new Uint8Array(bytes).buffer);
    return { ...meta, ...dict };
  } catch (error) {
    throw damaged(path, error);
  }
}

const damaged = (path: string, error: unknown): DicomError =>
  new DicomError(
    `${path} is damaged (${visibleText(error instanceof Error ? error.message : String(error)).slice(0, 200)}); copy it again`,
  );

async function withPlainPixels(
  path: string,
  bytes: Uint8Array,
  attributes: DicomAttributes,
  unpack: Unpack,
): Promise<DicomAttributes> {
  const syntax = textOf(attributes, tags.transferSyntax) ?? "";
  if (plainSyntaxes.includes(syntax)) return attributes;
  if (!packedSyntaxes.includes(syntax)) {
    throw new DicomError(
      `${path} is of the transfer syntax ${syntax === "" ? "that it does not name" : visibleText(syntax).slice(0, 64)}, which is not read; convert the series to explicit VR little endian`,
    );
  }
  try {
    return parsed(path, await unpack(bytes));
  } catch (error) {
    throw new DicomError(
      `${path} is of the transfer syntax ${syntax}, and its pixels cannot be unpacked (${visibleText(error instanceof Error ? error.message : String(error)).slice(0, 200)}); convert the series to explicit VR little endian`,
    );
  }
}

function sliceOf(path: string, { [tags.pixels]: pixels, ...attributes }: DicomAttributes): DicomSlice {
  const count = (tag: string, name: string): number => countOf(path, attributes, tag, name);
  const samples = numberOr(attributes, tags.samples, 1);
  const photometric = textOf(attributes, tags.photometric) ?? "";
  if (samples !== 1 || !/^MONOCHROME[12]$/.test(photometric)) {
    throw new DicomError(
      `${path} is a picture of ${samples} samples a pixel (${visibleText(photometric).slice(0, 20)}), where gray slices are expected`,
    );
  }
  if (numberOr(attributes, tags.frames, 1) !== 1) {
    throw new DicomError(
      `${path} holds ${numberOr(attributes, tags.frames, 1)} frames in one file, where a file a slice is expected; split it into single frames`,
    );
  }
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
  const [rows, columns] = [count(tags.rows, "rows"), count(tags.columns, "columns")];
  return {
    path,
    attributes,
    seriesUid: textOf(attributes, tags.series) ?? "",
    rows,
    columns,
    position: [x, y, z],
    directions: [
      [a, b, c],
      [d, e, f],
    ],
    spacing: [along, down],
    thickness: numbersOf(attributes, tags.thickness, 1)?.[0],
    values: valuesOf(path, attributes, pixels?.Value?.[0], rows * columns),
  };
}

/** Stored pixels after slope and intercept, int16 where that holds them all. */
function valuesOf(path: string, attributes: DicomAttributes, pixels: unknown, count: number): VoxelArray {
  const allocated = countOf(path, attributes, tags.bitsAllocated, "bits allocated");
  const stored = numberOr(attributes, tags.bitsStored, allocated);
  const highBit = numberOr(attributes, tags.highBit, stored - 1);
  const isSigned = numberOr(attributes, tags.signed, 0) === 1;
  const bytes =
    pixels instanceof ArrayBuffer ? new Uint8Array(pixels) : pixels instanceof Uint8Array ? pixels : new Uint8Array();
  if (
    (allocated !== 8 && allocated !== 16) ||
    stored < 1 ||
    stored > allocated ||
    highBit < stored - 1 ||
    highBit >= allocated
  ) {
    throw new DicomError(`${path} stores ${stored} of ${allocated} bits a pixel, where 8 or 16 are expected`);
  }
  if (bytes.length < (count * allocated) / 8) {
    throw new DicomError(
      `${path} is cut off: it has ${bytes.length} bytes of pixels, and ${count} pixels of ${allocated} bits are promised; copy it again`,
    );
  }
  const [slope, intercept] = [numberOr(attributes, tags.slope, 1), numberOr(attributes, tags.intercept, 0)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const left = 32 - 1 - highBit;
  const values = new Float64Array(count);
  let isWhole = true;
  for (let i = 0; i < count; i++) {
    const raw = allocated === 8 ? view.getUint8(i) : view.getUint16(2 * i, true);
    // Bits above the highest are no part of the value; the sign is that of the highest.
    const value = isSigned ? (raw << left) >> (32 - stored) : (raw << left) >>> (32 - stored);
    const scaled = slope * value + intercept;
    values[i] = scaled;
    isWhole &&= Number.isInteger(scaled) && scaled >= -32_768 && scaled <= 32_767;
  }
  return isWhole ? Int16Array.from(values) : Float32Array.from(values);
}
