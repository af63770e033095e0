import { DataError } from "../data-error.js";
import { plural } from "../text/plural.js";
import type { Vector3, VoxelArray } from "../volume.js";
import type { ByteSource } from "./byte-source.js";
import { type StoredArray, storedArray, valueArray } from "./datatypes.js";
import type { NiftiHeader } from "./header.js";

const blockBytes = 1 << 20;
/** Bytes read behind the voxels, so that gzip's checksum, which comes last, is compared. */
const tailBytes = 1 << 16;

const machineIsLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export const isScaled = ({ slope, intercept }: NiftiHeader): boolean => slope !== 1 || intercept !== 0;

/** Type of the array that holds the volume's values. */
export const valueArrayOf = (header: NiftiHeader) => valueArray(header.datatype, isScaled(header));

/** Turns the bytes of each element around. */
function swapBytes({ buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: size }: StoredArray): void {
  const view = new DataView(buffer, byteOffset, byteLength);
  if (size === 2) for (let i = 0; i < byteLength; i += 2) view.setUint16(i, view.getUint16(i, true));
  else if (size === 4) for (let i = 0; i < byteLength; i += 4) view.setUint32(i, view.getUint32(i, true));
  else if (size === 8) for (let i = 0; i < byteLength; i += 8) view.setBigUint64(i, view.getBigUint64(i, true));
}

/** Reads voxels one after another from a source that stands at the first one. */
export class VoxelReader {
  readonly #source: ByteSource;
  readonly #header: NiftiHeader;
  readonly #path: string;
  readonly #block: StoredArray;
  #voxelsRead = 0;
  #nonFinite = 0;
  #firstNonFinite = 0;

  /** `path` is the file that `source` reads, for messages. */
  constructor(source: ByteSource, header: NiftiHeader, path: string) {
    this.#source = source;
    this.#header = header;
    this.#path = path;
    const size = storedArray(header.datatype, 0).BYTES_PER_ELEMENT;
    this.#block = storedArray(header.datatype, Math.min(blockBytes, header.voxelBytes) / size);
  }

  /**
   * Fills `values` with the next voxels, after slope and intercept. Throws DataError if the file ends before, or if an
   * integer is too large to be exact. Call `checkFinite` when all that is wanted has been read.
   */
  async read(values: VoxelArray): Promise<void> {
    const { BYTES_PER_ELEMENT: size } = this.#block;
    const swapped = this.#header.littleEndian !== machineIsLittleEndian;
    // Values that are as they are stored need no block in between.
    const direct = values.constructor === this.#block.constructor && !isScaled(this.#header);
    for (let start = 0; start < values.length; start += this.#block.length) {
      const count = Math.min(this.#block.length, values.length - start);
      const target = values.subarray(start, start + count);
      const stored = direct ? target : this.#block.subarray(0, count);
      const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
      const found = await this.#source.read(bytes);
      if (found < bytes.length) {
        const held = this.#voxelsRead * size + found;
        throw tooShort(this.#path, this.#header, held);
      }
      if (swapped) swapBytes(stored);
      if (!direct) this.#decode(stored, target);
      this.#countNonFinite(target);
      this.#voxelsRead += count;
    }
  }

  /** Throws DataError if a voxel read so far is NaN or infinite. */
  checkFinite(): void {
    if (this.#nonFinite === 0) return;
    const scaled = isScaled(this.#header) ? " after slope and intercept" : "";
    const count = plural(this.#nonFinite, "voxel that is", "voxels that are");
    throw new DataError(
      `${this.#path} holds ${count} NaN or infinite${scaled}, the first at (${this.#place(this.#firstNonFinite)}), ` +
        "where every voxel must be a number; replace them",
    );
  }

  /**
   * Reads on to the end of the file if that is near, and says what is behind the voxels, a sentence each. Throws
   * DataError if gzip's checksum does not hold.
   */
  async checkEnd(): Promise<string[]> {
    const found = await this.#source.skip(tailBytes);
    const bytes = (count: number): string => `${count.toLocaleString("en-US")} byte${count === 1 ? "" : "s"}`;
    const { trailingBytes } = this.#source;
    return [
      ...(found === 0
        ? []
        : [`behind its voxels there are ${bytes(found)}${found < tailBytes ? "" : " or more"} that are not used`]),
      ...(trailingBytes === 0
        ? []
        : [`behind its gzip data there are ${bytes(trailingBytes)} of something else that are not used`]),
    ];
  }

  #decode(stored: StoredArray, values: VoxelArray): void {
    const { slope, intercept } = this.#header;
    if (stored instanceof BigInt64Array || stored instanceof BigUint64Array) this.#decode64(stored, values);
    else values.set(stored);
    if (isScaled(this.#header)) {
      // Not in place: a float32 array would round before the scaling.
      const source = stored instanceof BigInt64Array || stored instanceof BigUint64Array ? values : stored;
      for (let i = 0; i < values.length; i++) values[i] = slope * (source[i] ?? NaN) + intercept;
    }
  }

  #countNonFinite(values: VoxelArray): void {
    if (values instanceof Float32Array || values instanceof Float64Array)
      for (let i = 0; i < values.length; i++)
        if (!Number.isFinite(values[i]) && this.#nonFinite++ === 0) this.#firstNonFinite = this.#voxelsRead + i;
  }

  #decode64(stored: BigInt64Array | BigUint64Array, values: VoxelArray): void {
    for (const [i, integer] of stored.entries()) {
      const value = Number(integer);
      if (!Number.isSafeInteger(value))
        throw new DataError(
          `${this.#path} holds ${integer} at (${this.#place(this.#voxelsRead + i)}), but integers beyond ±2^53 are not ` +
            "exact in memory; store it in a smaller type",
        );
      values[i] = value;
    }
  }

  #place(voxel: number): Vector3 {
    const [width, height, depth] = this.#header.shape;
    return [voxel % width, Math.floor(voxel / width) % height, Math.floor(voxel / (width * height)) % depth];
  }
}

/** The error for a file that ends after `held` bytes of voxels, or which cannot hold more. */
export function tooShort(path: string, { dimensions, datatype, voxelBytes }: NiftiHeader, held: number): DataError {
  return new DataError(
    `${path} is cut off: its header promises ${voxelBytes} bytes of voxels (${dimensions.join("×")} ${datatype}), ` +
      `the file holds ${held}; copy or download it again`,
  );
}
