import { z } from "zod";
import { DataError } from "../data-error.js";
import { sha256Hex } from "../hash.js";
import type { Packing } from "../storage/packing.js";
import { dirName, joinPath } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { commandText } from "../text/command-text.js";
import type { Grid, PlaneBox } from "../volume.js";
import { type ImageFiles, imagePaths } from "./read-channels.js";

/** A case's image and labels, absolute paths. */
export interface CaseFiles extends ImageFiles {
  readonly name: string;
  readonly label: string;
}

/** A case to decode. */
export interface DecodeRequest {
  readonly files: CaseFiles;
  readonly classes: number;
  /** Of its image; 1 by default. */
  readonly channels?: number;
  readonly fingerprint: string;
  /** Where the entry goes. */
  readonly path: string;
  /** Whether an entry of that content may be there already. */
  readonly compare?: boolean;
}

/** What is known of a case whose slices are in the cache; the grid is canonical RAS+, [width, height, depth]. */
export interface CachedCase extends Grid {
  readonly name: string;
  /** Pixels of each class in each slice. */
  readonly labelCounts: readonly (readonly number[])[];
  /** What a network is shown of each slice, where that is not all of it. */
  readonly box?: PlaneBox;
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
    /** Of the image; not there where it has one. */
    channels: extent.optional(),
    pixels: z.enum(["int16", "float32"]),
    labelCounts: z.array(z.array(count)),
    /** CRC-32 of each slice: its pixels, channel by channel, then its labels. */
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

/** Bytes of one channel of a slice, and of all of it: the pixels of each channel, then uint8 labels. Little-endian. */
export function sliceBytes({
  shape: [width, height],
  pixels,
  channels = 1,
}: Pick<EntryHeader, "shape" | "pixels" | "channels">) {
  const ofChannel = (pixels === "int16" ? 2 : 4) * width * height;
  return { channel: ofChannel, pixels: channels * ofChannel, all: channels * ofChannel + width * height };
}

/**
 * What an entry was made from: version, classes, channels, and of all files the path and the storage's stamp. Not their
 * content: to hash Task03 would read 27 GB at every start.
 */
export async function fingerprintOf(
  storage: Storage,
  files: CaseFiles,
  { classes, channels = 1 }: Pick<DecodeRequest, "classes" | "channels">,
): Promise<string> {
  let text = channels === 1 ? `${version} ${classes}` : `${version} ${classes} ${channels}`;
  for (const path of [...imagePaths(files), files.label]) {
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
