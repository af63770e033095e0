import { DataError } from "../data-error.js";
import type { OpenFile, Storage } from "../storage/storage.js";
import type { PlaneBox } from "../volume.js";
import { areEqual, bytesOf } from "./bytes.js";
import {
  type CachedCase,
  type CaseFiles,
  checksumOf,
  type DecodeRequest,
  entryPath,
  fingerprintOf,
  prefixBytes,
  sliceBytes,
} from "./cache-entry.js";
import { type BadCase, decodeCases } from "./decode-cases.js";
import { type Entry, readEntry } from "./read-entry.js";
import type { SliceBatch } from "./slice-batch.js";
import { exact, type StoredFor, storeSlice, toZScores } from "./store-slice.js";
import { widenAll, ZScoreSums, type ZScores } from "./z-scores.js";

/** A slice of a case of the cache. */
export interface SliceKey {
  readonly case: number;
  readonly slice: number;
}

/** How the slices of a task are cached. */
export interface SliceCacheOptions {
  /** Where the entries are kept. */
  readonly directory: string;
  /** Labels must be below this. */
  readonly classes: number;
  /** Of each image. */
  readonly channels: number;
  /** Workers that decode; as many as are usual by default, 0 for none. */
  readonly workers?: number;
  /** Whether to decode all cases again and compare them with the entries that are there. */
  readonly verify?: boolean;
  /** Called for each case that has been decoded. */
  readonly onProgress?: (done: number, total: number, name: string) => void;
  readonly signal?: AbortSignal;
}

/** Files that are kept open. */
const openFiles = 128;

/** Decoded slices of cases on disk, one file a case, read slice by slice. */
export class SliceCache {
  private readonly handles = new Map<number, OpenFile>();
  private reading: Promise<unknown> = Promise.resolve();
  /** Memory for slices of float32, used again. */
  private readonly spare: Float32Array<ArrayBuffer>[] = [];
  /** By case and channel, of those that were asked for. */
  private readonly zScoresOfCases = new Map<string, ZScores>();
  private readonly sumsOfCases = new Map<number, readonly ZScoreSums[]>();

  private constructor(
    private readonly storage: Storage,
    private known: readonly CachedCase[],
    private readonly entries: readonly Entry[],
    /** Cases that had to be decoded, and those whose entries were there. */
    readonly decoded: number,
    readonly reused: number,
    /** Names of cases whose entries were sound but did not hold what the files hold; they have been replaced. */
    readonly corrected: readonly string[],
    /** Of each image. */
    readonly channels: number,
  ) {}

  /**
   * Opens the slices of the cases. What is missing, was made from other files or settings, or is cut off is decoded
   * first, at most `workers` volumes at a time; entries that were whole before a kill or an error are used.
   * @throws DataError that lists every case which cannot be used, or when the folder cannot be written; the signal's
   * reason.
   */
  static async open(storage: Storage, cases: readonly CaseFiles[], options: SliceCacheOptions): Promise<SliceCache> {
    const { directory, onProgress, signal } = options;
    await storage.makeFolder(directory).catch((error: unknown) => {
      throw new DataError(
        `the slice cache ${directory} cannot be made: ${error instanceof Error ? error.message : String(error)}; name another folder with --cache`,
      );
    });
    await storage.removeLeftOvers(directory);
    const { requests, bad: unreadable } = await requestsFor(storage, cases, options);
    const found = await Promise.all(requests.map((request) => readEntry(storage, request)));
    const known = new Set(requests.filter((_, i) => found[i] !== undefined));
    const todo = options.verify === true ? requests : requests.filter((request) => !known.has(request));
    const written = new Set<DecodeRequest>();
    let done = 0;
    const undecodable = await decodeCases(storage, todo, {
      workers: options.workers ?? storage.workers.usual,
      ...(signal === undefined ? {} : { signal }),
      onDone: (request, isWritten) => {
        if (isWritten) written.add(request);
        onProgress?.(++done, todo.length, request.files.name);
      },
    });
    requireNoneBad([...unreadable, ...undecodable]);
    const entries = await Promise.all(
      requests.map(async (request, i) => {
        const entry = (written.has(request) ? undefined : found[i]) ?? (await readEntry(storage, request));
        if (entry === undefined) throw new DataError(`the slice cache entry ${request.path} vanished; start again`);
        return entry;
      }),
    );
    const cached = entries.map(({ header: { shape, spacing, affine, labelCounts } }, i): CachedCase => {
      return { name: cases[i]?.name ?? "", shape, spacing, affine, labelCounts };
    });
    const corrected = requests.flatMap((request) =>
      known.has(request) && written.has(request) ? [request.files.name] : [],
    );
    const reused = cases.length - written.size;
    return new SliceCache(storage, cached, entries, written.size, reused, corrected, options.channels);
  }

  /** What is known of each case, in the order in which they were given. */
  get cases(): readonly CachedCase[] {
    return this.known;
  }

  /** Says what a network is shown of the slices of each case. @param boxes one a case. */
  cropTo(boxes: readonly PlaneBox[]): void {
    this.known = this.known.map((each, i) => {
      const box = boxes[i];
      return box === undefined ? each : { ...each, box };
    });
  }

  /** Pixels reserved for a slice in a batch: the most of any case, up to a multiple of 4. */
  get slotPixels(): number {
    return 4 * Math.ceil(Math.max(0, ...this.cases.map(({ shape: [width, height] }) => width * height)) / 4);
  }

  /** By the name of each case a hash of what it holds, image and labels; not of its files' names or places. */
  get contentHashes(): ReadonlyMap<string, string> {
    return new Map(this.entries.map(({ header }, i) => [this.cases[i]?.name ?? "", header.contentHash]));
  }

  /** What is odd in the files of the cases and does no harm: a sentence for all that share it. */
  get notes(): readonly string[] {
    const names = new Map<string, Map<string, string[]>>();
    for (const [i, { header }] of this.entries.entries())
      for (const { of, note } of header.notes) {
        const sharing = names.get(note) ?? new Map<string, string[]>();
        names.set(note, sharing.set(of, [...(sharing.get(of) ?? []), this.cases[i]?.name ?? ""]));
      }
    return [...names].flatMap(([note, sharing]) =>
      [...sharing].map(([of, [first = "", ...others]]) =>
        others.length === 0
          ? `the ${of} of ${first}: ${note}`
          : `the ${of}s of ${first} and ${others.length} other case${others.length === 1 ? "" : "s"}: ${note}`,
      ),
    );
  }

  /** By the name of each case a hash of its image alone. */
  get imageHashes(): ReadonlyMap<string, string> {
    return new Map(this.entries.map(({ header }, i) => [this.cases[i]?.name ?? "", header.imageHash]));
  }

  /**
   * Reads slices into a batch, one after another, stored for windows as {@link storeSlice} says.
   * @param storedFor what each channel is stored for.
   * @throws DataError when an entry is damaged: it is removed, and decoded again at the next start; or when another
   * process replaced it.
   */
  read(keys: readonly SliceKey[], into: SliceBatch, storedFor: readonly StoredFor[]): Promise<void> {
    if (storedFor.length !== this.channels)
      throw new RangeError(`the cache has ${this.channels} channels, and windows of ${storedFor.length} were given`);
    return this.inTurn(() => this.readNow(keys, into, storedFor));
  }

  /**
   * Mean and standard deviation of a channel of a case, by all its slices, which are read the first time.
   * @throws DataError as {@link read}; when all its voxels are the same.
   */
  zScores(number: number, channel = 0): Promise<ZScores> {
    return this.inTurn(() => this.zScoresNow(number, channel));
  }

  /** HU of a channel of a slice, x fastest. @throws DataError as {@link read}. */
  async values(key: SliceKey, channel = 0): Promise<Int16Array | Float32Array> {
    return (await this.labeled(key, channel)).values;
  }

  /** HU of a channel of a slice, and its labels, x fastest. @throws DataError as {@link read}. */
  labeled(
    key: SliceKey,
    channel = 0,
  ): Promise<{ readonly values: Int16Array | Float32Array; readonly labels: Uint8Array }> {
    return this.inTurn(() => this.labeledNow(key, channel));
  }

  async close(): Promise<void> {
    await this.reading;
    await this.closeFiles(0);
  }

  /** Does one thing after another. */
  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const next = this.reading.then(work);
    this.reading = next.catch(() => undefined);
    return next;
  }

  private async labeledNow(key: SliceKey, channel: number) {
    const { channels, labels } = await this.channelsNow(key);
    const values = channels[channel];
    if (values === undefined) throw new RangeError(`the cache has ${this.channels} channels, there is no ${channel}`);
    return { values, labels };
  }

  private async channelsNow(key: SliceKey) {
    await this.openFilesOf([key]);
    const { header } = this.entry(key.case);
    const count = header.shape[0] * header.shape[1];
    const channels = Array.from({ length: this.channels }, () =>
      header.pixels === "int16" ? new Int16Array(count) : new Float32Array(count),
    );
    const labels = new Uint8Array(count);
    await this.readSlice(key, [...channels.map(bytesOf), labels]);
    await this.closeFiles(openFiles);
    return { channels, labels };
  }

  private async zScoresNow(number: number, channel: number): Promise<ZScores> {
    const id = `${number}/${channel}`;
    const known = this.zScoresOfCases.get(id);
    if (known !== undefined) return known;
    const sums = this.sumsOfCases.get(number) ?? (await this.sumsNow(number));
    this.sumsOfCases.set(number, sums);
    const found = sums[channel]?.result(
      `${this.channels === 1 ? "the image" : `channel ${channel}`} of ${this.cases[number]?.name}`,
    );
    if (found === undefined) throw new RangeError(`the cache has ${this.channels} channels, there is no ${channel}`);
    this.zScoresOfCases.set(id, found);
    return found;
  }

  /** Of each channel of a case, by one reading of all its slices. */
  private async sumsNow(number: number): Promise<readonly ZScoreSums[]> {
    const [width, , depth] = this.entry(number).header.shape;
    const sums = Array.from({ length: this.channels }, () => new ZScoreSums());
    for (let slice = 0; slice < depth; slice++) {
      const { channels } = await this.channelsNow({ case: number, slice });
      for (const [c, values] of channels.entries()) sums[c]?.add(values, width);
    }
    widenAll(sums);
    return sums;
  }

  private async readNow(keys: readonly SliceKey[], into: SliceBatch, storedFor: readonly StoredFor[]): Promise<void> {
    for (const [channel, { inZScores = false }] of storedFor.entries())
      if (inZScores) for (const key of keys) await this.zScoresNow(key.case, channel);
    await this.openFilesOf(keys);
    const { slotPixels } = this;
    const labels = bytesOf(into.labels);
    await Promise.all(
      keys.map(async (key, n) => {
        const [width, height] = this.entry(key.case).header.shape;
        const slotLabels = labels.subarray(n * slotPixels, n * slotPixels + width * height);
        await this.readStored(key, into, n * this.channels, storedFor, slotLabels);
      }),
    );
    await this.closeFiles(openFiles);
  }

  /** Reads a slice into the slots of its channels, of which `first` is the first. */
  private async readStored(
    key: SliceKey,
    into: SliceBatch,
    first: number,
    storedFor: readonly StoredFor[],
    labels: Uint8Array,
  ): Promise<void> {
    const { slotPixels } = this;
    const pixels = new Int16Array(into.pixels.buffer, into.pixels.byteOffset, 2 * into.pixels.length);
    // Straight to their slots: memory of its own for each slice would keep the garbage collector busy.
    const slots = storedFor.map((_, c) =>
      pixels.subarray((first + c) * slotPixels, (first + c) * slotPixels + labels.length),
    );
    const zScoresOf = (channel: number): ZScores | undefined =>
      storedFor[channel]?.inZScores ? this.zScoresOfCases.get(`${key.case}/${channel}`) : undefined;
    if (this.entry(key.case).header.pixels === "int16") {
      await this.readSlice(key, [...slots.map(bytesOf), labels]);
      for (const channel of slots.keys()) {
        const zScores = zScoresOf(channel);
        into.quantizations[first + channel] = zScores === undefined ? exact : toZScores(exact, zScores);
      }
      return;
    }
    const memories = slots.map(() => this.spare.pop() ?? new Float32Array(slotPixels));
    const values = memories.map((memory) => memory.subarray(0, labels.length));
    try {
      await this.readSlice(key, [...values.map(bytesOf), labels]);
      for (const [channel, { window }] of storedFor.entries()) {
        const [from, slot] = [values[channel], slots[channel]];
        if (from === undefined || slot === undefined) continue;
        into.quantizations[first + channel] = storeSlice(from, window, slot, zScoresOf(channel));
      }
    } finally {
      this.spare.push(...memories);
    }
  }

  /** Reads a slice as it is in its entry, whose file is open: each channel, then the labels; and compares its checksum. */
  private async readSlice({ case: number, slice }: SliceKey, parts: readonly Uint8Array[]): Promise<void> {
    const { header, start, path } = this.entry(number);
    const bytes = sliceBytes(header).all;
    const read = await this.handles.get(number)?.readParts(parts, start + slice * bytes);
    if (read !== bytes || checksumOf(this.storage.packing, ...parts) !== header.checksums[slice]) {
      await this.storage.remove(path);
      throw new DataError(
        `the slice cache entry ${path} was damaged and has been removed; start again to decode the case again`,
      );
    }
  }

  private async openFilesOf(keys: readonly SliceKey[]): Promise<void> {
    for (const number of new Set(keys.map((key) => key.case))) {
      if (this.handles.has(number)) continue;
      const { path, prefix } = this.entry(number);
      const handle = await this.storage.open(path);
      const found = new Uint8Array(prefixBytes);
      await handle.read(found, 0);
      if (areEqual(found, prefix)) {
        this.handles.set(number, handle);
        continue;
      }
      await handle.close();
      throw new DataError(
        `the slice cache entry ${path} was replaced or changed by another process; start again, and give runs on other data another folder with --cache`,
      );
    }
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

/** What there is to decode, and the cases whose files are not there. */
async function requestsFor(
  storage: Storage,
  cases: readonly CaseFiles[],
  { directory, verify, classes, channels }: SliceCacheOptions,
) {
  const expected = { classes, channels };
  const bad: BadCase[] = [];
  const requests = await Promise.all(
    cases.map(async (files): Promise<DecodeRequest[]> => {
      try {
        const fingerprint = await fingerprintOf(storage, files, expected);
        return [{ files, ...expected, fingerprint, compare: verify === true, path: entryPath(directory, files.name) }];
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
