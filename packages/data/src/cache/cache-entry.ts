import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { z } from "zod";
import { DataError } from "../data-error.js";
import type { Grid, Volume } from "../volume.js";

/** A case's image and labels, absolute paths. */
export interface CaseFiles {
  readonly name: string;
  readonly image: string;
  readonly label: string;
}

/** What is known of a case whose slices are in the cache; the grid is canonical RAS+, [width, height, depth]. */
export interface CachedCase extends Grid {
  readonly name: string;
  /** HU = stored · scale + offset. */
  readonly scale: number;
  readonly offset: number;
  /** Pixels of each class in each slice. */
  readonly labelCounts: readonly (readonly number[])[];
}

/** Raised when entries of older versions must be made anew. */
const version = 2;

/** The first bytes of every entry. */
export const magic = new TextEncoder().encode("LOBULE-SLICES\n\n\n");

const number3 = z.tuple([z.number(), z.number(), z.number()]);
const row = z.tuple([z.number(), z.number(), z.number(), z.number()]);

const entryHeader = z.strictObject({
  fingerprint: z.string(),
  shape: number3,
  spacing: number3,
  affine: z.tuple([row, row, row]),
  scale: z.number(),
  offset: z.number(),
  labelCounts: z.array(z.array(z.number())),
  /** CRC-32 of each slice: its pixels, then its labels. */
  checksums: z.array(z.number()),
  /** See {@link imageHashOf}. */
  imageHash: z.string(),
});

export type EntryHeader = z.infer<typeof entryHeader>;

/** Bytes of a slice: int16 pixels, then uint8 labels. */
export const sliceBytes = ({ shape: [width, height] }: Pick<EntryHeader, "shape">): number => 3 * width * height;

/**
 * What an entry was made from: version, classes, and path, size and time of change of both files. Not their content: to
 * hash Task03 would read 27 GB at every start.
 */
export async function fingerprintOf({ image, label }: CaseFiles, classes: number): Promise<string> {
  const hash = createHash("sha256").update(`${version} ${classes}`);
  for (const path of [image, label]) {
    const found = await stat(path, { bigint: true }).catch(() => {
      throw new DataError(`${path} is missing or cannot be read; check the folder with lobule data verify`);
    });
    hash.update(`\n${path}\n${found.size} ${found.mtimeNs}`);
  }
  return hash.digest("hex");
}

/**
 * What a case holds, whatever its files are called and wherever they lie: a hash of grid, quantisation and the checksums
 * of all slices. It costs nothing to read, and tells apart what differs by accident, not what was forged to be alike.
 */
export const contentHashOf = ({
  shape,
  spacing,
  affine,
  scale,
  offset,
  checksums,
}: Omit<EntryHeader, "fingerprint">): string =>
  createHash("sha256").update(JSON.stringify({ shape, spacing, affine, scale, offset, checksums })).digest("hex");

/**
 * What an image shows, whatever its file is called, its labels are, its type is and its header says of spacing: a hash
 * of the shape and of the CRC-32 of every slice's values as float32, in canonical order.
 */
export function imageHashOf({ shape, data }: Pick<Volume, "shape" | "data">): string {
  const size = shape[0] * shape[1];
  const values = new Float32Array(size);
  const bytes = new Uint8Array(values.buffer);
  const checksums = Array.from({ length: shape[2] }, (_, slice) => {
    values.set(data.subarray(slice * size, (slice + 1) * size));
    return crc32(bytes);
  });
  return createHash("sha256").update(JSON.stringify({ shape, checksums })).digest("hex");
}

/** Where the entry of a case lies. */
export const entryPath = (directory: string, name: string): string =>
  join(
    directory,
    `${name.replaceAll(/[^\w.-]/g, "_")}-${createHash("sha256").update(name).digest("hex").slice(0, 8)}.slices`,
  );

/** Magic, length of the header (u32, little-endian), header as JSON. */
export function encodeHeader(header: EntryHeader): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(magic.length + 4 + json.length);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.length, json.length, true);
  bytes.set(json, magic.length + 4);
  return bytes;
}

/** The header of an entry; undefined where the text is none. */
export function parseHeader(text: string): EntryHeader | undefined {
  try {
    const result = entryHeader.safeParse(JSON.parse(text));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}

/** Of a slice, in one part or in several that follow each other. */
export const checksumOf = (...parts: readonly Uint8Array[]): number =>
  parts.reduce((checksum, part) => crc32(part, checksum), 0);
