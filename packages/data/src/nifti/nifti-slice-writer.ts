import { type FileHandle, writeFile } from "node:fs/promises";
import { createGzip } from "node:zlib";
import { DataError } from "../data-error.js";
import { PartialFile } from "../files/partial-file.js";
import { reason } from "../files/system-error.js";
import { columnLengths, isRegular } from "../orientation.js";
import type { Grid, VoxelArray } from "../volume.js";
import { datatypeOfArray, type WritableDatatype } from "./datatypes.js";
import { encodeHeader, type NiftiSource } from "./encode-header.js";

/**
 * Where the voxels are comes from `grid`, or else from `header`; version, units and description from `header`, and both
 * transforms too, unchanged, if `grid` is the grid of `header`.
 */
export type NiftiSliceWriterOptions = { readonly datatype: WritableDatatype } & (
  | { readonly grid: Grid; readonly header?: NiftiSource | undefined }
  | { readonly grid?: undefined; readonly header: NiftiSource }
);

/** Writes a volume slice by slice. Nothing is under the file's name before `finish` has ended. */
export interface NiftiSliceWriter {
  /**
   * Appends the next slice along the last axis: shape[0] · shape[1] voxels in the array of the datatype, which may be
   * used again when the promise is fulfilled. Throws RangeError for a slice of another length or type, or one too many.
   */
  write(slice: VoxelArray): Promise<void>;
  /** Completes the file and gives it its name. Throws RangeError, and leaves no file, if slices are missing. */
  finish(): Promise<void>;
  /** Removes what was written. Does nothing after `finish`. */
  abort(): Promise<void>;
}

const spacingTolerance = 1e-3;
/** On CT 3 times as fast as zlib's default, and less than 1 % larger. */
const compressionLevel = 4;

function checkGrid(path: string, { shape, spacing, affine }: Grid): void {
  const refuse = (found: string): DataError => new DataError(`${path} cannot be written: ${found}`);
  if (!shape.every((length) => Number.isSafeInteger(length) && length >= 1))
    throw refuse(`a volume has at least 1 voxel along each axis, not ${shape.join("×")}`);
  if (!spacing.every((size) => size > 0 && Number.isFinite(size)))
    throw refuse(`the spacing must be above 0, not ${spacing.join("×")} mm`);
  if (!isRegular(affine))
    throw refuse(`the affine ${affine.map((row) => `[${row.join(", ")}]`).join(", ")} is singular`);
  const lengths = columnLengths(affine);
  if (!spacing.every((size, axis) => Math.abs(size - (lengths[axis] ?? NaN)) <= spacingTolerance * size))
    throw refuse(`the spacing ${spacing.join("×")} mm is not that of the affine, ${lengths.join("×")} mm`);
}

/**
 * A writer of a .nii or (packed as it comes) .nii.gz file. The file is written under a random name in the same folder
 * and renamed when it is complete and on disk; a symbolic link of its name is replaced, not followed. Throws DataError for another extension or a grid that is unsound.
 * `write` and `finish` throw DataError if the file cannot be written, or for a NaN or infinite voxel;
 * `abort` is to be called after the latter.
 */
export function createNiftiSliceWriter(path: string, options: NiftiSliceWriterOptions): NiftiSliceWriter {
  const { datatype, header } = options;
  const { shape, spacing, affine } = options.grid ?? options.header;
  if (!/\.nii(\.gz)?$/i.test(path))
    throw new DataError(`${path} cannot be written: the name of a NIfTI file ends in .nii or .nii.gz`);
  checkGrid(path, { shape, spacing, affine });
  return new SliceWriter(path, { shape, spacing, affine }, datatype, header);
}

/** Where the bytes go. */
interface Sink {
  /** Appends bytes, which may change when the promise is fulfilled. */
  readonly send: (bytes: Uint8Array) => Promise<void>;
  /** Waits until all that was sent is in the file. */
  readonly end: () => Promise<void>;
  readonly giveUp: () => Promise<void>;
}

/** After so many bytes the disk is given work, so that the end need not wait for all of it. */
const bytesAtOnce = 1 << 23;

function plainFile(handle: FileHandle): Sink {
  let length = 0;
  let given = 0;
  let onDisk: Promise<void> = Promise.resolve();
  const send = async (bytes: Uint8Array): Promise<void> => {
    const start = length;
    length += bytes.length;
    for (let sent = 0; sent < bytes.length; ) {
      sent += (await handle.write(bytes, sent, bytes.length - sent, start + sent)).bytesWritten;
    }
    if (length < given + bytesAtOnce) return;
    given = length;
    onDisk = onDisk.then(() => handle.datasync());
    // Thrown at the end; until then a failure must not count as unhandled.
    onDisk.catch(() => undefined);
  };
  return { send, end: () => onDisk, giveUp: () => onDisk.catch(() => undefined) };
}

function packedFile(handle: FileHandle): Sink {
  const gzip = createGzip({ level: compressionLevel });
  const piped = writeFile(handle, gzip);
  // Awaited later; until then a failure must not count as unhandled.
  piped.catch(() => undefined);
  const send = async (bytes: Uint8Array): Promise<void> => {
    const sent = new Promise<void>((resolve, reject) => {
      // A copy, since the stream may hold on to it after the caller has changed the slice.
      gzip.write(bytes.slice(), (error) => (error ? reject(error) : resolve()));
    });
    // The file's own error, such as a full disk, says more than that the stream is gone; and a stream that is gone
    // may never answer.
    await Promise.race([sent, piped]).catch(async (error: unknown) => {
      await piped;
      throw error;
    });
  };
  const end = async (): Promise<void> => {
    gzip.end();
    await piped;
  };
  const giveUp = async (): Promise<void> => {
    gzip.destroy();
    await piped.catch(() => undefined);
  };
  return { send, end, giveUp };
}

/** A file in the making. */
interface OpenFile {
  readonly file: PartialFile;
  readonly sink: Sink;
}

class SliceWriter implements NiftiSliceWriter {
  readonly #path: string;
  readonly #grid: Grid;
  readonly #datatype: WritableDatatype;
  readonly #source: NiftiSource | undefined;
  #written = 0;
  #ended = false;
  #opened: Promise<OpenFile> | undefined;

  constructor(path: string, grid: Grid, datatype: WritableDatatype, source: NiftiSource | undefined) {
    this.#path = path;
    this.#grid = grid;
    this.#datatype = datatype;
    this.#source = source;
  }

  async write(slice: VoxelArray): Promise<void> {
    this.#check(slice);
    this.#written++;
    const bytes = new Uint8Array(slice.buffer, slice.byteOffset, slice.byteLength);
    await this.#attempt(async () => (await this.#open()).sink.send(bytes));
  }

  async finish(): Promise<void> {
    const { shape } = this.#grid;
    if (this.#ended) throw new RangeError(`${this.#path} has been finished or given up`);
    if (this.#written < shape[2]) {
      await this.abort();
      throw new RangeError(`${this.#path} was to have ${shape[2]} slices, but was finished after ${this.#written}`);
    }
    await this.#attempt(async () => {
      const { file, sink } = await this.#open();
      await sink.end();
      await file.commit();
    });
    this.#ended = true;
  }

  async abort(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const opened = await this.#opened?.catch(() => undefined);
    if (opened !== undefined) await this.#remove(opened);
  }

  async #remove({ file, sink }: OpenFile): Promise<void> {
    await sink.giveUp();
    await file.discard();
  }

  #check(slice: VoxelArray): void {
    const [width, height, depth] = this.#grid.shape;
    const wrong = (what: string): RangeError => new RangeError(`${this.#path} ${what}`);
    if (this.#ended) throw wrong("has been finished or given up");
    if (this.#written >= depth) throw wrong(`has all its ${depth} slices`);
    if (slice.length !== width * height)
      throw wrong(`takes slices of ${width}×${height} voxels, not of ${slice.length}`);
    if (datatypeOfArray(slice) !== this.#datatype)
      throw wrong(`takes slices of ${this.#datatype}, not of ${datatypeOfArray(slice)}`);
    if (!(slice instanceof Float32Array || slice instanceof Float64Array)) return;
    const at = slice.findIndex((value) => !Number.isFinite(value));
    if (at >= 0)
      throw new DataError(
        `${this.#path} cannot be written: voxel (${at % width}, ${Math.floor(at / width)}, ${this.#written}) is ` +
          `${slice[at]}, where every voxel must be a number`,
      );
  }

  #open(): Promise<OpenFile> {
    this.#opened ??= this.#create();
    return this.#opened;
  }

  async #create(): Promise<OpenFile> {
    const file = await PartialFile.create(this.#path);
    const opened = { file, sink: /\.gz$/i.test(this.#path) ? packedFile(file.handle) : plainFile(file.handle) };
    try {
      await opened.sink.send(encodeHeader(this.#grid, this.#datatype, this.#source));
      return opened;
    } catch (error) {
      await this.#remove(opened);
      throw error;
    }
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      await this.abort();
      throw new DataError(`${this.#path} cannot be written: ${reason(error)}`);
    }
  }
}
