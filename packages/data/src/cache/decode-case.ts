import { DataError } from "../data-error.js";
import { replaceFile } from "../files/atomic-file.js";
import { errorCode, reason } from "../files/system-error.js";
import { onGridOf } from "../geometry/compare-grids.js";
import { type NiftiVolume, readNifti } from "../nifti/read-nifti.js";
import { toCanonical } from "../orientation.js";
import type { Storage } from "../storage/storage.js";
import { type Channels, mapChannels, type Volume, type VoxelArray } from "../volume.js";
import { areEqual } from "./bytes.js";
import {
  type CaseFiles,
  checksumOf,
  type DecodeRequest,
  type EntryHeader,
  encodeHeader,
  fingerprintOf,
  sliceBytes,
} from "./cache-entry.js";
import { contentHashOf, imageHashOf } from "./content-hash.js";
import { readChannels } from "./read-channels.js";
import { type PixelType, pixelTypeOf } from "./store-slice.js";

/** An entry that cannot be written, whatever the case holds: no other case can be kept either. */
export class CacheWriteError extends DataError {}

/** Bytes of an entry that are compared at a time. */
const comparedBytes = 2 ** 20;

/** A case as its entry holds it. */
export interface DecodedCase {
  readonly header: Omit<EntryHeader, "fingerprint">;
  readonly body: Uint8Array;
}

/**
 * Decodes a case and writes its cache entry, whole or not at all.
 * @returns whether an entry was written: with `compare` one that holds the same already is left as it is.
 * @throws DataError when a file cannot be read, or changes meanwhile; when the two do not fit together, or a label is no
 * class; CacheWriteError when the entry cannot be written.
 */
export async function decodeCase(
  storage: Storage,
  { files, fingerprint, path, compare, ...expected }: DecodeRequest,
): Promise<boolean> {
  const { header, body } = await decoded(storage, files, expected);
  if ((await fingerprintOf(storage, files, expected)) !== fingerprint) {
    throw new DataError(
      `${files.image} or its labels changed while they were read; start again when they are complete`,
    );
  }
  const bytes = encodeHeader(storage.packing, { fingerprint, ...header });
  if (compare === true && (await holds(storage, path, bytes, body))) return false;
  await writeEntry(storage, path, bytes, body);
  return true;
}

async function decoded(
  storage: Storage,
  files: CaseFiles,
  { classes, channels }: Pick<DecodeRequest, "classes" | "channels">,
): Promise<DecodedCase> {
  const notes: EntryHeader["notes"] = [];
  const noted = <Each extends NiftiVolume>(volume: Each, of: "image" | "label map"): Each => {
    notes.push(...volume.notes.map((note) => ({ of, note })));
    return volume;
  };
  // The image as it is stored is let go: only one copy of it is in memory.
  const image = mapChannels(
    await readChannels(storage, files, channels),
    (each): Volume => toCanonical(noted(each, "image")),
  );
  const label = noted(await readNifti(storage, files.label), "label map");
  const { header, body } = encodeCase(storage, image, label, files, classes);
  return { header: { ...header, notes }, body };
}

/**
 * The cache entry of a case, but for its fingerprint and what is odd in its files. The channels are in canonical order and
 * on one grid, `labels` in any order.
 * @throws DataError when the two do not fit together, or a label is no class.
 */
export function encodeCase(
  storage: Storage,
  image: Channels,
  labels: Volume,
  files: CaseFiles,
  classes: number,
): DecodedCase {
  const { packing } = storage;
  const [first] = image;
  const label = onGridOf(labels, first, [files.label, `its image ${files.image}`]);
  const { shape, spacing, affine } = first;
  const pixels: PixelType = image.every(({ data }) => pixelTypeOf(data) === "int16") ? "int16" : "float32";
  const size = shape[0] * shape[1];
  const channels = image.length;
  const lengths = sliceBytes({ shape: [...shape], pixels, channels });
  const body = new Uint8Array(lengths.all * shape[2]);
  const labelCounts: number[][] = [];
  const checksums: number[] = [];
  for (let slice = 0; slice < shape[2]; slice++) {
    const bytes = body.subarray(lengths.all * slice, lengths.all * (slice + 1));
    for (const [channel, { data }] of image.entries()) {
      const into = bytes.subarray(channel * lengths.channel, (channel + 1) * lengths.channel);
      writePixels(data.subarray(slice * size, (slice + 1) * size), pixels, into);
    }
    labelCounts.push(writeLabels(label, slice, classes, bytes.subarray(lengths.pixels), files.label));
    checksums.push(checksumOf(packing, bytes));
  }
  const grid: Pick<EntryHeader, "shape" | "spacing" | "affine"> = {
    shape: [shape[0], shape[1], shape[2]],
    spacing: [spacing[0], spacing[1], spacing[2]],
    affine: [[...affine[0]], [...affine[1]], [...affine[2]]],
  };
  const several = channels === 1 ? {} : { channels };
  const labelsOfSlices = Array.from({ length: shape[2] }, (_, slice) =>
    body.subarray(lengths.all * slice + lengths.pixels, lengths.all * (slice + 1)),
  );
  const contentHash = contentHashOf(packing, { image, pixels, checksums, labels: labelsOfSlices });
  return {
    header: {
      ...grid,
      ...several,
      pixels,
      labelCounts,
      checksums,
      contentHash,
      imageHash: imageHashOf(packing, image),
      notes: [],
    },
    body,
  };
}

function writePixels(values: VoxelArray, type: PixelType, into: Uint8Array): void {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (type === "float32") view.setFloat32(4 * i, value, true);
    else view.setInt16(2 * i, Math.fround(value), true);
  }
}

/**
 * Writes the labels of a slice, a byte each.
 * @returns voxels of each class.
 * @throws DataError when a label is no class, naming the file.
 */
function writeLabels(
  { data, shape: [width, height] }: Volume,
  slice: number,
  classes: number,
  into: Uint8Array,
  file: string,
): number[] {
  const counts = Array<number>(classes).fill(0);
  const size = width * height;
  for (let i = 0; i < size; i++) {
    const found = data[slice * size + i] as number;
    if (!(found in counts)) {
      const [x, y] = [i % width, Math.floor(i / width)];
      throw new DataError(
        `${file} holds the label ${found} at (${x}, ${y}, ${slice}), expected 0 to ${classes - 1}; correct the file or dataset.json`,
      );
    }
    into[i] = found;
    counts[found] = (counts[found] ?? 0) + 1;
  }
  return counts;
}

/** Whether the entry consists of these bytes. */
async function holds(storage: Storage, path: string, header: Uint8Array, body: Uint8Array): Promise<boolean> {
  const file = await storage.open(path).catch(() => undefined);
  if (file === undefined) return false;
  try {
    if (file.size !== header.length + body.length) return false;
    const block = new Uint8Array(comparedBytes);
    let position = 0;
    for (const part of [header, body]) {
      for (let at = 0; at < part.length; at += block.length) {
        const expected = part.subarray(at, at + block.length);
        const found = block.subarray(0, expected.length);
        const length = await file.read(found, position);
        if (length !== expected.length || !areEqual(found, expected)) return false;
        position += length;
      }
    }
    return true;
  } finally {
    await file.close();
  }
}

async function writeEntry(storage: Storage, path: string, header: Uint8Array, body: Uint8Array): Promise<void> {
  try {
    await replaceFile(storage, path, [header, body]);
  } catch (error) {
    const full = errorCode(error) === "ENOSPC";
    throw new CacheWriteError(
      `the slice cache entry ${path} (${((header.length + body.length) / 2 ** 20).toFixed(1)} MiB) cannot be written: ${full ? "the disk is full; make room, or name another folder with --cache" : reason(error)}`,
    );
  }
}
