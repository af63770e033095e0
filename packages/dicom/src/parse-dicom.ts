import { visibleText } from "@lobule/data";
import type Codecs from "dcmjs-codecs";
import { type DicomAttributes, type DicomValue, numberOr, tags, textOf } from "./attributes.js";
import { DicomError } from "./dicom-error.js";
import { dicomCodecs, dicomParser } from "./library.js";
import { pixelFormatOf } from "./pixel-values.js";
import type { SeriesFile } from "./series-files.js";

/** What is used of a DICOM file: plain values, which can be passed from one thread to another. */
export interface ParsedDicom {
  /** The attributes that are read anywhere, all of them but the pixels. */
  readonly attributes: DicomAttributes;
  /** Pixels of all frames, one after another: unpacked, little endian. */
  readonly pixels: Uint8Array;
}

/**
 * Parses a DICOM file and unpacks its pixels; undefined where it holds none. Whoever reads files of others does this where
 * it can be ended, such as in a thread: on damaged files the libraries may work without end.
 * @throws DataError in one sentence that names the file.
 */
export type ParseDicom = (file: SeriesFile) => Promise<ParsedDicom | undefined>;

/** Transfer syntaxes of pixels as they are. */
const plainSyntaxes = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"];
/** Those that the codecs unpack: big endian, RLE, JPEG, JPEG-LS, JPEG 2000 and HTJ2K. */
const codecOf = new Map<string, Exclude<keyof typeof Codecs.codecs, "Codec">>([
  ["1.2.840.10008.1.2.2", "ExplicitVRBigEndianCodec"],
  ["1.2.840.10008.1.2.5", "RleLosslessCodec"],
  ["1.2.840.10008.1.2.4.50", "JpegBaselineProcess1Codec"],
  ["1.2.840.10008.1.2.4.70", "JpegLosslessProcess14V1Codec"],
  ["1.2.840.10008.1.2.4.80", "JpegLsLosslessCodec"],
  ["1.2.840.10008.1.2.4.81", "JpegLsLossyCodec"],
  ["1.2.840.10008.1.2.4.90", "Jpeg2000LosslessCodec"],
  ["1.2.840.10008.1.2.4.91", "Jpeg2000LossyCodec"],
  ["1.2.840.10008.1.2.4.201", "HtJpeg2000LosslessCodec"],
  ["1.2.840.10008.1.2.4.202", "HtJpeg2000LosslessRpclCodec"],
  ["1.2.840.10008.1.2.4.203", "HtJpeg2000LossyCodec"],
]);

const saying = (error: unknown): string =>
  visibleText(error instanceof Error ? error.message : String(error)).slice(0, 200);

/** Loads what parsing needs, which the first file would wait for. */
export async function loadParser(): Promise<void> {
  await dicomParser();
}

/** Parses at once, by dcmjs and dcmjs-codecs. */
export const parseDicom: ParseDicom = async ({ path, bytes }) => {
  const { data } = await dicomParser();
  let attributes: DicomAttributes;
  let parts: readonly ArrayBuffer[] | undefined;
  try {
    const { meta, dict } = data.DicomMessage.readFile(new Uint8Array(bytes).buffer);
    attributes = { ...plainAttributes(meta), ...plainAttributes(dict) };
    parts = dict["7FE00010"]?.Value?.filter((part) => part instanceof ArrayBuffer);
  } catch (error) {
    throw new DicomError(`${path} is damaged (${saying(error)}); copy it again`);
  }
  if (parts === undefined) {
    if (attributes[tags.rows] === undefined) return undefined;
    throw new DicomError(`${path} has rows, and no pixels of whole numbers; copy it again, or leave it out`);
  }
  const claimed = parts.reduce((sum, part) => sum + part.byteLength, 0);
  if (claimed > bytes.length) {
    throw new DicomError(
      `${path} is damaged: its pixels claim ${claimed} bytes, and the file has ${bytes.length}; copy it again`,
    );
  }
  const syntax = textOf(attributes, tags.transferSyntax) ?? "";
  if (plainSyntaxes.includes(syntax)) return { attributes, pixels: joined(parts) };
  return unpacked(path, syntax, attributes, parts);
};

const known = new Set<string>(Object.values(tags));

/** The attributes that are read, without what the library puts around values. */
function plainAttributes(attributes: object): DicomAttributes {
  const elements: [tag: string, element: unknown][] = Object.entries(attributes);
  return Object.fromEntries(
    elements.flatMap(([tag, element]) => {
      const values = known.has(tag) ? valuesOf(element) : undefined;
      return values === undefined ? [] : [[tag, values]];
    }),
  );
}

/** The values of an attribute, undefined where it has none. */
function valuesOf(element: unknown): DicomValue[] | undefined {
  if (typeof element !== "object" || element === null || !("Value" in element)) return undefined;
  return Array.isArray(element.Value) ? element.Value.flatMap(plainValue) : undefined;
}

function plainValue(value: unknown): DicomValue[] {
  if (typeof value === "string" || typeof value === "number") return [value];
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return [];
  if ("Alphabetic" in value) return typeof value.Alphabetic === "string" ? [value.Alphabetic] : [];
  return [plainAttributes(value)];
}

function joined(parts: readonly ArrayBuffer[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first !== undefined) return new Uint8Array(first);
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return all;
}

/**
 * The codecs are given the pixels themselves and what they ask of the other attributes: as a whole file they would parse it
 * once more, by another copy of dcmjs which prints what it does not know.
 */
async function unpacked(
  path: string,
  syntax: string,
  attributes: DicomAttributes,
  parts: readonly ArrayBuffer[],
): Promise<ParsedDicom> {
  const name = codecOf.get(syntax);
  if (name === undefined) {
    throw new DicomError(
      `${path} is of the transfer syntax ${syntax === "" ? "that it does not name" : visibleText(syntax).slice(0, 64)}, which is not read; convert the series to explicit VR little endian`,
    );
  }
  pixelFormatOf(path, attributes);
  const { codecs } = await dicomCodecs();
  const own = (tag: string): number | undefined =>
    attributes[tag] === undefined ? undefined : numberOr(attributes, tag, 0);
  try {
    const decoded = new codecs[name]().decode(
      {
        Rows: own(tags.rows),
        Columns: own(tags.columns),
        NumberOfFrames: own(tags.frames),
        BitsAllocated: own(tags.bitsAllocated),
        BitsStored: own(tags.bitsStored),
        HighBit: own(tags.highBit),
        SamplesPerPixel: own(tags.samples),
        PixelRepresentation: own(tags.signed),
        PlanarConfiguration: own(tags.planar),
        PhotometricInterpretation: textOf(attributes, tags.photometric),
        PixelData: parts,
      },
      syntax,
    );
    const [pixels] = Array.isArray(decoded.PixelData) ? decoded.PixelData : [];
    if (!(pixels instanceof ArrayBuffer)) throw new Error("the codec gives no pixels");
    return { attributes: { ...attributes, ...described(decoded) }, pixels: new Uint8Array(pixels) };
  } catch (error) {
    throw new DicomError(
      `${path} is of the transfer syntax ${syntax}, and its pixels cannot be unpacked (${saying(error)}); convert the series to explicit VR little endian`,
    );
  }
}

/** What codecs may have changed of the way in which a pixel is stored. */
function described(decoded: Readonly<Record<string, unknown>>): DicomAttributes {
  const { BitsAllocated, BitsStored, SamplesPerPixel, PixelRepresentation, PhotometricInterpretation } = decoded;
  const entries: readonly (readonly [string, unknown])[] = [
    [tags.bitsAllocated, BitsAllocated],
    [tags.bitsStored, BitsStored],
    [tags.samples, SamplesPerPixel],
    [tags.signed, PixelRepresentation],
    [tags.photometric, PhotometricInterpretation],
  ];
  return Object.fromEntries(
    entries.flatMap(([tag, value]) => (typeof value === "number" || typeof value === "string" ? [[tag, [value]]] : [])),
  );
}
