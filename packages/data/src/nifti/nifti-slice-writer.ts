import { DataError } from "../data-error.js";
import { reason } from "../files/system-error.js";
import { columnLengths, isRegular } from "../orientation.js";
import type { Replacement, Storage } from "../storage/storage.js";
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
export function createNiftiSliceWriter(
  storage: Storage,
  path: string,
  options: NiftiSliceWriterOptions,
): NiftiSliceWriter {
  const { datatype, header } = options;
  const { shape, spacing, affine } = options.grid ?? options.header;
  if (!/\.nii(\.gz)?$/i.test(path))
    throw new DataError(`${path} cannot be written: the name of a NIfTI file ends in .nii or .nii.gz`);
  checkGrid(path, { shape, spacing, affine });
  return new SliceWriter(storage, path, { shape, spacing, affine }, datatype, header);
}

/** Where the bytes go. */
interface Sink {
  /** Appends bytes, which may change when the promise is fulfilled. */
  readonly send: (bytes: Uint8Array) => Promise<void>;
  /** Waits until all that was sent is in the file. */
  readonly end: () => Promise<void>;
  readonly giveUp: () => Promise<void>;
}

const plainFile = (file: Replacement): Sink => ({
  send: (bytes) => file.write(bytes),
  end: async () => undefined,
  giveUp: async () => undefined,
});

function packedFile({ packing }: Storage, file: Replacement): Sink {
  const packer = packing.gzip((packed) => file.write(packed));
  return { send: (bytes) => packer.write(bytes), end: () => packer.end(), giveUp: () => packer.close() };
}

/** A file in the making. */
interface OpenFile {
  readonly file: Replacement;
  readonly sink: Sink;
}

class SliceWriter implements NiftiSliceWriter {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #grid: Grid;
  readonly #datatype: WritableDatatype;
  readonly #source: NiftiSource | undefined;
  #written = 0;
  #ended = false;
  #opened: Promise<OpenFile> | undefined;

  constructor(storage: Storage, path: string, grid: Grid, datatype: WritableDatatype, source: NiftiSource | undefined) {
    this.#storage = storage;
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
    const file = await this.#storage.replace(this.#path);
    const sink = /\.gz$/i.test(this.#path) ? packedFile(this.#storage, file) : plainFile(file);
    const opened = { file, sink };
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
