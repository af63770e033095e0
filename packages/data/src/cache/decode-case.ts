import { DataError } from "../data-error.js";
import { replaceFile } from "../files/atomic-file.js";
import { errorCode, reason } from "../files/system-error.js";
import { onGridOf } from "../geometry/compare-grids.js";
import { readNifti } from "../nifti/read-nifti.js";
import { toCanonical } from "../orientation.js";
import type { Storage } from "../storage/storage.js";
import type { Volume, VoxelArray } from "../volume.js";
import { areEqual } from "./bytes.js";
import {
  type CaseFiles,
  checksumOf,
  type EntryHeader,
  encodeHeader,
  fingerprintOf,
  sliceBytes,
} from "./cache-entry.js";
import { contentHashOf, imageHashOf } from "./content-hash.js";
import { type PixelType, pixelTypeOf } from "./store-slice.js";

export interface DecodeRequest {
  readonly files: CaseFiles;
  readonly classes: number;
  readonly fingerprint: string;
  /** Where the entry goes. */
  readonly path: string;
  /** Whether an entry of that content may be there already. */
  readonly compare?: boolean;
}

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
  { files, classes, fingerprint, path, compare }: DecodeRequest,
): Promise<boolean> {
  const { header, body } = await decoded(storage, files, classes);
  if ((await fingerprintOf(storage, files, classes)) !== fingerprint) {
    throw new DataError(
      `${files.image} or its labels changed while they were read; start again when they are complete`,
    );
  }
  const bytes = encodeHeader(storage.packing, { fingerprint, ...header });
  if (compare === true && (await holds(storage, path, bytes, body))) return false;
  await writeEntry(storage, path, bytes, body);
  return true;
}

async function decoded(storage: Storage, files: CaseFiles, classes: number): Promise<DecodedCase> {
  const notes: EntryHeader["notes"] = [];
  const read = async (path: string, of: "image" | "label map"): Promise<Volume> => {
    const volume = await readNifti(storage, path);
    notes.push(...volume.notes.map((note) => ({ of, note })));
    return volume;
  };
  // The image as it is stored is let go: only one copy of it is in memory.
  const image = toCanonical(await read(files.image, "image"));
  const { header, body } = encodeCase(storage, image, await read(files.label, "label map"), files, classes);
  return { header: { ...header, notes }, body };
}

/**
 * The cache entry of a case, but for its fingerprint and what is odd in its files. `image` is in canonical order, `labels` in any.
 * @throws DataError when the two do not fit together, or a label is no class.
 */
export function encodeCase(
  storage: Storage,
  image: Volume,
  labels: Volume,
  files: CaseFiles,
  classes: number,
): DecodedCase {
  const { packing } = storage;
  const label = onGridOf(labels, image, [files.label, `its image ${files.image}`]);
  const { shape, spacing, affine } = image;
  const pixels = pixelTypeOf(image.data);
  const size = shape[0] * shape[1];
  const lengths = sliceBytes({ shape: [...shape], pixels });
  const body = new Uint8Array(lengths.all * shape[2]);
  const labelCounts: number[][] = [];
  const checksums: number[] = [];
  for (let slice = 0; slice < shape[2]; slice++) {
    const bytes = body.subarray(lengths.all * slice, lengths.all * (slice + 1));
    writePixels(image.data.subarray(slice * size, (slice + 1) * size), pixels, bytes);
    const counts = Array<number>(classes).fill(0);
    for (let i = 0; i < size; i++) {
      const found = label.data[slice * size + i] as number;
      if (!(found in counts)) {
        const [x, y] = [i % shape[0], Math.floor(i / shape[0])];
        throw new DataError(
          `${files.label} holds the label ${found} at (${x}, ${y}, ${slice}), expected 0 to ${classes - 1}; correct the file or dataset.json`,
        );
      }
      bytes[lengths.pixels + i] = found;
      counts[found] = (counts[found] ?? 0) + 1;
    }
    labelCounts.push(counts);
    checksums.push(checksumOf(packing, bytes));
  }
  const grid: Pick<EntryHeader, "shape" | "spacing" | "affine"> = {
    shape: [shape[0], shape[1], shape[2]],
    spacing: [spacing[0], spacing[1], spacing[2]],
    affine: [[...affine[0]], [...affine[1]], [...affine[2]]],
  };
  const labelsOfSlices = Array.from({ length: shape[2] }, (_, slice) =>
    body.subarray(lengths.all * slice + lengths.pixels, lengths.all * (slice + 1)),
  );
  const contentHash = contentHashOf(packing, { image, pixels, checksums, labels: labelsOfSlices });
  return {
    header: { ...grid, pixels, labelCounts, checksums, contentHash, imageHash: imageHashOf(packing, image), notes: [] },
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
