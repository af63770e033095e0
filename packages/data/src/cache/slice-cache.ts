import { type FileHandle, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { DataError } from "../data-error.js";
import { makeFolder } from "../files/make-folder.js";
import { removeLeftOvers } from "../files/partial-file.js";
import { openRegularFile } from "../files/read-file.js";
import {
  type CachedCase,
  type CaseFiles,
  checksumOf,
  contentHashOf,
  type EntryHeader,
  entryPath,
  fingerprintOf,
  magic,
  parseHeader,
  sliceBytes,
} from "./cache-entry.js";
import type { DecodeRequest } from "./decode-case.js";
import { type BadCase, decodeCases } from "./decode-cases.js";

/** A slice of a case of the cache. */
export interface SliceKey {
  readonly case: number;
  readonly slice: number;
}

/**
 * Slices as the GPU reads them: two int16 pixels a word (low half first), four label bytes a word (lowest first). Slice
 * n begins at pixel n·slotPixels and has rows of its own width.
 */
export interface SliceBatch {
  readonly pixels: Uint32Array<ArrayBuffer>;
  readonly labels: Uint32Array<ArrayBuffer>;
}

export interface SliceCacheOptions {
  /** Where the entries are kept. */
  readonly directory: string;
  /** Labels must be below this. */
  readonly classes: number;
  /** Threads that decode; min(4, cores − 1) by default, 0 for none. */
  readonly workers?: number;
  readonly workerUrl?: URL;
  /** Called for each case that had to be decoded. */
  readonly onProgress?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
}

interface Entry {
  readonly path: string;
  readonly header: EntryHeader;
  /** Where the first slice begins. */
  readonly start: number;
}

/** Files that are kept open. */
const openFiles = 128;

/** Decoded slices of cases on disk, one file a case, read slice by slice. */
export class SliceCache {
  private readonly handles = new Map<number, FileHandle>();
  private reading: Promise<unknown> = Promise.resolve();

  private constructor(
    readonly cases: readonly CachedCase[],
    private readonly entries: readonly Entry[],
    /** Cases that had to be decoded, and those whose entries were there. */
    readonly decoded: number,
    readonly reused: number,
  ) {}

  /**
   * Opens the slices of the cases. What is missing, was made from other files or settings, or is cut off is decoded
   * first, at most `workers` volumes at a time; entries that were whole before a kill or an error are used.
   * @throws DataError that lists every case which cannot be used, or when the folder cannot be written; the signal's
   * reason.
   */
  static async open(cases: readonly CaseFiles[], options: SliceCacheOptions): Promise<SliceCache> {
    const { directory, classes, onProgress, signal } = options;
    await makeFolder(directory).catch((error: unknown) => {
      throw new DataError(
        `the slice cache ${directory} cannot be made: ${error instanceof Error ? error.message : String(error)}; name another folder with --cache`,
      );
    });
    await removeLeftOvers(directory);
    const { requests, bad: unreadable } = await requestsFor(cases, directory, classes);
    const found = await Promise.all(requests.map(readEntry));
    const missing = requests.filter((_, i) => found[i] === undefined);
    let done = 0;
    const undecodable = await decodeCases(missing, {
      workers: options.workers ?? Math.max(1, Math.min(4, availableParallelism() - 1)),
      ...(options.workerUrl === undefined ? {} : { workerUrl: options.workerUrl }),
      ...(signal === undefined ? {} : { signal }),
      onDone: ({ files }) => onProgress?.(++done, missing.length, files.name),
    });
    requireNoneBad([...unreadable, ...undecodable]);
    const entries = await Promise.all(
      requests.map(async (request, i) => {
        const entry = found[i] ?? (await readEntry(request));
        if (entry === undefined) throw new DataError(`the slice cache entry ${request.path} vanished; start again`);
        return entry;
      }),
    );
    const cached = entries.map(({ header }, i): CachedCase => {
      const { shape, spacing, affine, scale, offset, labelCounts } = header;
      return { name: cases[i]?.name ?? "", shape, spacing, affine, scale, offset, labelCounts };
    });
    return new SliceCache(cached, entries, missing.length, cases.length - missing.length);
  }

  /** Pixels reserved for a slice in a batch: the most of any case, up to a multiple of 4. */
  get slotPixels(): number {
    return 4 * Math.ceil(Math.max(0, ...this.cases.map(({ shape: [width, height] }) => width * height)) / 4);
  }

  /** By the name of each case a hash of what it holds, image and labels; not of its files' names or places. */
  get contentHashes(): ReadonlyMap<string, string> {
    return new Map(this.entries.map(({ header }, i) => [this.cases[i]?.name ?? "", contentHashOf(header)]));
  }

  /** By the name of each case a hash of its image alone. */
  get imageHashes(): ReadonlyMap<string, string> {
    return new Map(this.entries.map(({ header }, i) => [this.cases[i]?.name ?? "", header.imageHash]));
  }

  /**
   * Reads slices into a batch, slice n into slot n.
   * @throws DataError when an entry is damaged: it is removed and made anew at the next start.
   */
  read(keys: readonly SliceKey[], into: SliceBatch): Promise<void> {
    const next = this.reading.then(() => this.readNow(keys, into));
    this.reading = next.catch(() => undefined);
    return next;
  }

  async close(): Promise<void> {
    await this.reading;
    await this.closeFiles(0);
  }

  private async readNow(keys: readonly SliceKey[], into: SliceBatch): Promise<void> {
    const { slotPixels } = this;
    for (const number of new Set(keys.map((key) => key.case))) {
      if (this.handles.has(number)) continue;
      this.handles.set(number, (await openRegularFile(this.entry(number).path)).handle);
    }
    const pixels = new Uint8Array(into.pixels.buffer, into.pixels.byteOffset, into.pixels.byteLength);
    const labels = new Uint8Array(into.labels.buffer, into.labels.byteOffset, into.labels.byteLength);
    await Promise.all(
      keys.map(async ({ case: number, slice }, n) => {
        const { header, start, path } = this.entry(number);
        const bytes = sliceBytes(header);
        const count = bytes / 3;
        // Straight to their places: memory of its own for each slice would keep the garbage collector busy.
        const parts = [
          pixels.subarray(2 * n * slotPixels, 2 * (n * slotPixels + count)),
          labels.subarray(n * slotPixels, n * slotPixels + count),
        ];
        const handle = this.handles.get(number) as FileHandle;
        const { bytesRead } = await handle.readv(parts, start + slice * bytes);
        if (bytesRead !== bytes || checksumOf(...parts) !== header.checksums[slice]) {
          await rm(path, { force: true });
          throw new DataError(
            `the slice cache entry ${path} was damaged and has been removed; start again to have it made anew`,
          );
        }
      }),
    );
    await this.closeFiles(openFiles);
  }

  private entry(number: number): Entry {
    const entry = this.entries[number];
    if (entry === undefined)
      throw new RangeError(`the cache has ${this.entries.length} cases, there is no case ${number}`);
    return entry;
  }

  /** Closes the files opened first until so many are left. */
  private async closeFiles(left: number): Promise<void> {
    for (const [number, handle] of this.handles) {
      if (this.handles.size <= left) return;
      this.handles.delete(number);
      await handle.close();
    }
  }
}

/** Room for so many slices of a cache. */
export const allocateSliceBatch = ({ slotPixels }: Pick<SliceCache, "slotPixels">, count: number): SliceBatch => ({
  pixels: new Uint32Array((count * slotPixels) / 2),
  labels: new Uint32Array((count * slotPixels) / 4),
});

/** What there is to decode, and the cases whose files are not there. */
async function requestsFor(cases: readonly CaseFiles[], directory: string, classes: number) {
  const bad: BadCase[] = [];
  const requests = await Promise.all(
    cases.map(async (files): Promise<DecodeRequest[]> => {
      try {
        const fingerprint = await fingerprintOf(files, classes);
        return [{ files, classes, fingerprint, path: entryPath(directory, files.name) }];
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        bad.push({ name: files.name, message: error.message });
        return [];
      }
    }),
  );
  return { requests: requests.flat(), bad };
}

/** @throws DataError that lists all cases which cannot be used. */
function requireNoneBad(bad: readonly BadCase[]): void {
  const [first, ...others] = [...bad].sort((a, b) => (a.name < b.name ? -1 : 1));
  if (first === undefined) return;
  const messages = [first, ...others].map(({ message }) => message);
  throw new DataError(
    others.length === 0 ? first.message : `${bad.length} cases cannot be used: ${messages.join("; ")}`,
  );
}

/** The entry of a case; undefined where it is missing, was made from something else, or is cut off. */
async function readEntry({ path, fingerprint }: DecodeRequest): Promise<Entry | undefined> {
  const file = await openRegularFile(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const { handle, size } = file;
  try {
    const prefix = new Uint8Array(magic.length + 4);
    const { bytesRead } = await handle.read(prefix, 0, prefix.length, 0);
    if (bytesRead !== prefix.length || magic.some((byte, i) => byte !== prefix[i])) return undefined;
    const length = new DataView(prefix.buffer).getUint32(magic.length, true);
    if (prefix.length + length > size) return undefined;
    const json = new Uint8Array(length);
    await handle.read(json, 0, length, prefix.length);
    const header = parseHeader(new TextDecoder().decode(json));
    if (header === undefined || header.fingerprint !== fingerprint) return undefined;
    const start = prefix.length + length;
    return size === start + header.shape[2] * sliceBytes(header) ? { path, header, start } : undefined;
  } finally {
    await handle.close();
  }
}
