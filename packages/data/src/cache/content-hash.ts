import { sha256Hex } from "../hash.js";
import type { Packing } from "../storage/packing.js";
import type { Channels, Grid, Volume } from "../volume.js";
import type { PixelType } from "./store-slice.js";

/** A case whose entry is being made: the image in canonical order, and each slice of the entry. */
export interface EntryContent {
  readonly image: Channels;
  readonly pixels: PixelType;
  /** CRC-32 of each slice of the entry. */
  readonly checksums: readonly number[];
  /** Labels of each slice. */
  readonly labels: readonly Uint8Array[];
}

/**
 * What a case holds, whatever its files are called and wherever they are: a hash of grid, type of the pixels and the
 * checksums of all slices. It tells apart what differs by accident, not what was forged to be alike.
 */
export function contentHashOf(packing: Packing, { image, pixels, checksums, labels }: EntryContent): string {
  const [first, ...others] = image;
  const grid = gridOf(first);
  if (others.length > 0) return hashOf({ ...grid, channels: image.length, pixels, checksums });
  if (pixels === "int16") return hashOf({ ...grid, scale: 1, offset: 0, checksums });
  const earlier = earlierForm(packing, first.data, labels);
  return hashOf(earlier === undefined ? { ...grid, pixels, checksums } : { ...grid, ...earlier });
}

/**
 * What an image shows, whatever its file is called, its labels are, its type is and its header says of spacing: a hash
 * of the shape and of the CRC-32 of every slice's values as float32, in canonical order, channel after channel.
 */
export function imageHashOf(packing: Packing, image: Channels<Pick<Volume, "shape" | "data">>): string {
  const [{ shape }] = image;
  const size = shape[0] * shape[1];
  const values = new Float32Array(size);
  const bytes = new Uint8Array(values.buffer);
  const checksums = image.flatMap(({ data }) =>
    Array.from({ length: shape[2] }, (_, slice) => {
      values.set(data.subarray(slice * size, (slice + 1) * size));
      return packing.crc32(bytes);
    }),
  );
  return hashOf({ shape, checksums });
}

const hashOf = (content: object): string => sha256Hex(JSON.stringify(content));

const gridOf = ({ shape, spacing, affine }: Grid): Grid => ({ shape, spacing, affine });

/** int16 without its lowest value, which version 1 spread a volume's range over. */
const most = 32_767;
/** Steps that must be left to all but the lowest and highest values, so that a hash of them tells volumes apart. */
const leastSteps = 4096;

/**
 * How version 1 of the entries kept a volume that int16 does not hold: spread over int16 from its lowest to its highest
 * value. Runs have recorded hashes of this form, and are recognized by it still. Undefined where a few voxels far away
 * leave the others too few steps for the hash to notice that one changed.
 */
function earlierForm(packing: Packing, data: Volume["data"], labels: readonly Uint8Array[]) {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const range = (high - low) / (2 * most);
  const scale = range > 0 ? range : 1;
  const offset = (high + low) / 2;
  const counts = new Uint32Array(2 ** 16);
  let first = 0;
  const checksums = labels.map((slice) => {
    const pixels = new Int16Array(slice.length);
    for (let i = 0; i < pixels.length; i++) {
      const stored = Math.round(((data[first + i] as number) - offset) / scale);
      pixels[i] = stored;
      counts[stored + most + 1] = (counts[stored + most + 1] ?? 0) + 1;
    }
    first += pixels.length;
    return packing.crc32(slice, packing.crc32(new Uint8Array(pixels.buffer)));
  });
  return stepsWithoutTails(counts, data.length) < leastSteps ? undefined : { scale, offset, checksums };
}

/** Between the voxels that are left when the lowest and highest are taken away: 0.5 % at either end, but at least ten. */
function stepsWithoutTails(counts: Uint32Array, all: number): number {
  const tail = Math.max(10, Math.ceil(0.005 * all));
  const levelOf = (rank: number): number => {
    let [level, reached] = [0, counts[0] ?? 0];
    while (reached <= rank && level + 1 < counts.length) reached += counts[++level] ?? 0;
    return level;
  };
  return levelOf(all - 1 - tail) - levelOf(tail);
}
