import type { Storage } from "../storage/storage.js";
import {
  type DecodeRequest,
  type EntryHeader,
  parseHeader,
  parsePrefix,
  prefixBytes,
  sliceBytes,
} from "./cache-entry.js";

/** An entry of the slice cache whose header has been read. */
export interface Entry {
  readonly path: string;
  readonly header: EntryHeader;
  /** Its first bytes, which tell it from any other entry. */
  readonly prefix: Uint8Array;
  /** Where the first slice begins. */
  readonly start: number;
}

/** The entry of a case; undefined where it is missing, damaged, cut off, or was made from something else. */
export async function readEntry(
  storage: Storage,
  { path, fingerprint, classes, channels = 1 }: DecodeRequest,
): Promise<Entry | undefined> {
  const file = await storage.open(path).catch(() => undefined);
  if (file === undefined) return undefined;
  const { size } = file;
  try {
    const prefix = new Uint8Array(prefixBytes);
    await file.read(prefix, 0);
    const parsed = parsePrefix(prefix);
    if (parsed === undefined || prefixBytes + parsed.length > size) return undefined;
    const json = new Uint8Array(parsed.length);
    await file.read(json, prefixBytes);
    const header = parseHeader(storage.packing, json, parsed.checksum);
    if (header === undefined || header.fingerprint !== fingerprint) return undefined;
    if ((header.channels ?? 1) !== channels) return undefined;
    if (header.labelCounts.some(({ length }) => length !== classes)) return undefined;
    const start = prefixBytes + json.length;
    return size === start + header.shape[2] * sliceBytes(header).all ? { path, header, prefix, start } : undefined;
  } finally {
    await file.close();
  }
}
