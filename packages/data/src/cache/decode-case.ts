import { DataError } from "../data-error.js";
import { PartialFile } from "../files/partial-file.js";
import { errorCode, reason } from "../files/system-error.js";
import { onGridOf } from "../geometry/compare-grids.js";
import { readNifti } from "../nifti/read-nifti.js";
import { toCanonical } from "../orientation.js";
import type { Volume } from "../volume.js";
import { type CaseFiles, checksumOf, type EntryHeader, encodeHeader, imageHashOf } from "./cache-entry.js";

const [least, most] = [-32_768, 32_767];

export interface DecodeRequest {
  readonly files: CaseFiles;
  readonly classes: number;
  readonly fingerprint: string;
  /** Where the entry goes. */
  readonly path: string;
}

/** An entry that cannot be written, whatever the case holds: no other case can be kept either. */
export class CacheWriteError extends DataError {}

/**
 * Decodes a case and writes its cache entry, whole or not at all.
 * @throws DataError when a file cannot be read, the two do not fit together, or a label is no class; CacheWriteError when
 * the entry cannot be written.
 */
export async function decodeCase({ files, classes, fingerprint, path }: DecodeRequest): Promise<void> {
  const image = toCanonical(await readNifti(files.image));
  const { header, body } = encodeCase(image, await readNifti(files.label), files, classes);
  await writeEntry(path, encodeHeader({ ...header, fingerprint }), body);
}

/**
 * The cache entry of a case, but for its fingerprint. `image` is in canonical order, `labels` in any.
 * @throws DataError when the two do not fit together, or a label is no class.
 */
export function encodeCase(
  image: Volume,
  labels: Volume,
  files: CaseFiles,
  classes: number,
): { readonly header: Omit<EntryHeader, "fingerprint">; readonly body: Uint8Array } {
  const label = onGridOf(labels, image, [files.label, `its image ${files.image}`]);
  const { scale, offset } = quantisationOf(image.data);
  const { shape, spacing, affine } = image;
  const size = shape[0] * shape[1];
  const body = new Uint8Array(3 * size * shape[2]);
  const labelCounts: number[][] = [];
  const checksums: number[] = [];
  for (let slice = 0; slice < shape[2]; slice++) {
    const bytes = body.subarray(3 * size * slice, 3 * size * (slice + 1));
    const pixels = new DataView(bytes.buffer, bytes.byteOffset, 2 * size);
    const counts = Array<number>(classes).fill(0);
    for (let i = 0; i < size; i++) {
      const value = image.data[slice * size + i] as number;
      pixels.setInt16(2 * i, Math.round((value - offset) / scale), true);
      const found = label.data[slice * size + i] as number;
      if (!(found in counts)) {
        const [x, y] = [i % shape[0], Math.floor(i / shape[0])];
        throw new DataError(
          `${files.label} holds the label ${found} at (${x}, ${y}, ${slice}), expected 0 to ${classes - 1}; correct the file or dataset.json`,
        );
      }
      bytes[2 * size + i] = found;
      counts[found] = (counts[found] ?? 0) + 1;
    }
    labelCounts.push(counts);
    checksums.push(checksumOf(bytes));
  }
  const header: Omit<EntryHeader, "fingerprint"> = {
    ...{ scale, offset, labelCounts, checksums, imageHash: imageHashOf(image) },
    shape: [...shape],
    spacing: [...spacing],
    affine: [[...affine[0]], [...affine[1]], [...affine[2]]],
  };
  return { header, body };
}

async function writeEntry(path: string, header: Uint8Array, body: Uint8Array): Promise<void> {
  try {
    const file = await PartialFile.create(path);
    try {
      await file.handle.writeFile(header);
      await file.handle.writeFile(body);
      await file.commit();
    } catch (error) {
      await file.discard();
      throw error;
    }
  } catch (error) {
    const full = errorCode(error) === "ENOSPC";
    throw new CacheWriteError(
      `the slice cache entry ${path} (${((header.length + body.length) / 2 ** 20).toFixed(1)} MiB) cannot be written: ${full ? "the disk is full; make room, or name another folder with --cache" : reason(error)}`,
    );
  }
}

/** Integers of 16 bits are kept; other values are spread over that range, to 1/131,068 of theirs. */
function quantisationOf(data: Volume["data"]): { readonly scale: number; readonly offset: number } {
  let [low, high, whole] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, true];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
    if (whole && !Number.isInteger(value)) whole = false;
  }
  if (whole && low >= least && high <= most) return { scale: 1, offset: 0 };
  const scale = (high - low) / (2 * most);
  return { scale: scale > 0 ? scale : 1, offset: (high + low) / 2 };
}
