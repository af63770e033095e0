import { z } from "zod";
import { DataError } from "../data-error.js";
import { sha256Hex } from "../hash.js";
import type { Packing } from "../storage/packing.js";
import { dirName, joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { commandText } from "../text/command-text.js";
import type { Grid } from "../volume.js";

/** A case's image and labels, absolute paths. */
export interface CaseFiles {
  readonly name: string;
  readonly image: string;
  readonly label: string;
}

/** What is known of a case whose slices are in the cache; the grid is canonical RAS+, [width, height, depth]. */
export interface CachedCase extends Grid {
  readonly name: string;
  /** Pixels of each class in each slice. */
  readonly labelCounts: readonly (readonly number[])[];
}

/** Raised when entries of older versions must be decoded again. */
const version = 2;

/** The first bytes of every entry. */
const magic = new TextEncoder().encode("LOBULE-SLICES\n\n\n");

/** Magic, then length and CRC-32 of the header, u32, little-endian. */
export const prefixBytes = magic.length + 8;

/** Of a volume of 4 GiB in slices of one voxel the header is smaller. */
const mostHeaderBytes = 2 ** 30;

const extent = z.number().int().positive();
const count = z.number().int().nonnegative();
const number = z.number();
const row = z.tuple([number, number, number, number]);

const entryHeader = z
  .strictObject({
    fingerprint: z.string(),
    shape: z.tuple([extent, extent, extent]),
    spacing: z.tuple([number.positive(), number.positive(), number.positive()]),
    affine: z.tuple([row, row, row]),
    pixels: z.enum(["int16", "float32"]),
    labelCounts: z.array(z.array(count)),
    /** CRC-32 of each slice: its pixels, then its labels. */
    checksums: z.array(count),
    /** See contentHashOf and imageHashOf. */
    contentHash: z.string(),
    imageHash: z.string(),
    /** What is odd in the files and does no harm; not in entries of earlier versions. */
    notes: z.array(z.strictObject({ of: z.enum(["image", "label map"]), note: z.string() })).default([]),
  })
  .refine(({ shape: [width, height, depth], labelCounts, checksums }) => {
    const all = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);
    const whole = labelCounts.every((counts) => all(counts) === width * height);
    return whole && labelCounts.length === depth && checksums.length === depth;
  });

export type EntryHeader = z.infer<typeof entryHeader>;

/** Bytes of the pixels of a slice, and of all of it: pixels, then uint8 labels. Little-endian. */
export function sliceBytes({ shape: [width, height], pixels }: Pick<EntryHeader, "shape" | "pixels">) {
  const ofPixels = (pixels === "int16" ? 2 : 4) * width * height;
  return { pixels: ofPixels, all: ofPixels + width * height };
}

/**
 * What an entry was made from: version, classes, and of both files the path and the storage's stamp. Not their content:
 * to hash Task03 would read 27 GB at every start.
 */
export async function fingerprintOf(storage: Storage, { image, label }: CaseFiles, classes: number): Promise<string> {
  let text = `${version} ${classes}`;
  for (const path of [image, label]) {
    const { stamp } = await storage.stat(path).catch(() => {
      throw new DataError(
        `${path} is missing or cannot be read; check the folder: ${commandText("data", "verify", dirName(dirName(path)))}`,
      );
    });
    text += `\n${path}\n${stamp}`;
  }
  return sha256Hex(text);
}

/** The path of a case's entry: its name, as far as it can stand in that of a file, and a hash of the whole. */
export const entryPath = (directory: string, name: string): string =>
  joinPath(directory, `${name.replaceAll(/[^\w.-]/g, "_").slice(0, 100)}-${sha256Hex(name).slice(0, 8)}.slices`);

/** Magic, length and CRC-32 of the header, header as JSON. */
export function encodeHeader(packing: Packing, header: EntryHeader): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(prefixBytes + json.length);
  bytes.set(magic);
  const view = new DataView(bytes.buffer);
  view.setUint32(magic.length, json.length, true);
  view.setUint32(magic.length + 4, packing.crc32(json), true);
  bytes.set(json, prefixBytes);
  return bytes;
}

/** Length and checksum of the header by the first bytes of an entry; undefined where they are none. */
export function parsePrefix(prefix: Uint8Array): { readonly length: number; readonly checksum: number } | undefined {
  if (prefix.length !== prefixBytes || magic.some((byte, i) => byte !== prefix[i])) return undefined;
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = view.getUint32(magic.length, true);
  return length > mostHeaderBytes ? undefined : { length, checksum: view.getUint32(magic.length + 4, true) };
}

/** The header of an entry; undefined where the bytes have another checksum or are none. */
export function parseHeader(packing: Packing, json: Uint8Array, checksum: number): EntryHeader | undefined {
  if (packing.crc32(json) !== checksum) return undefined;
  try {
    const result = entryHeader.safeParse(JSON.parse(new TextDecoder().decode(json)));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** CRC-32 of one part or of several that follow each other. */
export const checksumOf = (packing: Packing, ...parts: readonly Uint8Array[]): number =>
  parts.reduce((checksum, part) => packing.crc32(part, checksum), 0);
