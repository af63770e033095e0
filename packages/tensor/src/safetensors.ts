/** Element types that can be read and written, with the array that holds each. F16 and BF16 stay raw bit patterns. */
export interface SafetensorsArrays {
  readonly F64: Float64Array;
  readonly F32: Float32Array;
  readonly F16: Uint16Array;
  readonly BF16: Uint16Array;
  readonly I32: Int32Array;
  readonly U32: Uint32Array;
  readonly I64: BigInt64Array;
}

export type SafetensorsDType = keyof SafetensorsArrays;

/** One named array of a file. A scalar has shape `[]` or `[1]`, as the file says. */
export type SafetensorsTensor = {
  readonly [D in SafetensorsDType]: {
    readonly dtype: D;
    readonly shape: readonly number[];
    readonly data: SafetensorsArrays[D];
  };
}[SafetensorsDType];

/** A file that is no valid safetensors file, or tensors that cannot be written; one sentence says why. */
export class SafetensorsError extends Error {
  override readonly name = "SafetensorsError";
}

/** Bytes of header that the format allows. */
const headerLimit = 100_000_000;

const bytesPerElement: Readonly<Record<SafetensorsDType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  I64: 8,
};

interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

interface Layout {
  readonly entries: readonly Entry[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly dataStart: number;
}

/**
 * Reads a safetensors file: an 8-byte little-endian header length, a JSON header, the data without gaps.
 *
 * The tensors come in the order of their data and hold copies of it.
 * @throws SafetensorsError for anything that is not exactly of the format: a header that does not fit the file or is no
 * JSON, keys given twice, sizes that do not match shapes, overlaps, holes, or an element type besides F64, F32, F16,
 * BF16, I32, U32 and I64.
 * Source: https://github.com/huggingface/safetensors#format
 */
export function readSafetensors(bytes: Uint8Array): Map<string, SafetensorsTensor> {
  const { entries, dataStart } = readLayout(bytes);
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => {
      // Not `slice`: a Node Buffer's gives a view of the whole file.
      const copy = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
      return [name, { dtype, shape, data: arrayOf(dtype, copy.buffer) } as SafetensorsTensor];
    }),
  );
}

/** The `__metadata__` of a file. @throws SafetensorsError as {@link readSafetensors}. */
export const readSafetensorsMetadata = (bytes: Uint8Array): Readonly<Record<string, string>> =>
  readLayout(bytes).metadata;

/**
 * Writes tensors as a safetensors file. The same tensors give the same bytes, whatever order they come in: wider
 * elements first, then by name, metadata by key; the data begins at a multiple of 8 bytes.
 * @throws SafetensorsError when a shape does not match its data, or a name is `__metadata__`.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort(
    ([a, { dtype: p }], [b, { dtype: q }]) => bytesPerElement[q] - bytesPerElement[p] || compareText(a, b),
  );
  let end = 0;
  const fields = ordered.map(([name, { dtype, shape, data }]) => {
    if (name === "__metadata__")
      throw new SafetensorsError("a tensor cannot be named __metadata__; give it another name");
    const elements = elementsOf(name, shape);
    if (data.length !== elements) {
      throw new SafetensorsError(
        `tensor '${name}' of shape ${print(shape)} needs ${elements} elements, got ${data.length}`,
      );
    }
    const begin = end;
    end += data.byteLength;
    return `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join(",")}],"data_offsets":[${begin},${end}]}`;
  });
  const pairs = Object.entries(metadata).sort(([a], [b]) => compareText(a, b));
  if (pairs.length > 0) {
    const text = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",");
    fields.unshift(`"__metadata__":{${text}}`);
  }
  const header = new TextEncoder().encode(`{${fields.join(",")}}`);
  const headerLength = Math.ceil(header.length / 8) * 8;
  if (headerLength > headerLimit) {
    throw new SafetensorsError(
      `the header needs ${headerLength} bytes, the format allows ${headerLimit}; write fewer tensors or less metadata`,
    );
  }
  const file = new Uint8Array(8 + headerLength + end).fill(0x20, 8, 8 + headerLength);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.set(header, 8);
  let at = 8 + headerLength;
  for (const [, { data }] of ordered) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

function readLayout(bytes: Uint8Array): Layout {
  if (bytes.length < 8)
    throw new SafetensorsError(`the file has ${bytes.length} bytes, too few for the 8-byte header length`);
  const stated = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (stated > BigInt(headerLimit)) {
    throw new SafetensorsError(
      `the header claims ${stated} bytes, the format allows ${headerLimit}; is this a safetensors file?`,
    );
  }
  const headerLength = Number(stated);
  const dataStart = 8 + headerLength;
  if (dataStart > bytes.length) {
    throw new SafetensorsError(
      `the header claims ${headerLength} bytes, the file has only ${bytes.length - 8} after the length; it is cut off or no safetensors file`,
    );
  }
  const header = parseHeader(bytes.subarray(8, dataStart));
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, value]) => readEntry(name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end || compareText(a.name, b.name));
  checkCoverage(entries, bytes.length - dataStart);
  return { entries, metadata: readMetadata(header.__metadata__), dataStart };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    throw new SafetensorsError("the header is not UTF-8 JSON; the file is damaged or no safetensors file");
  }
  if (!isRecord(header) || !text.startsWith("{")) throw new SafetensorsError("the header is not a JSON object");
  checkHeaderText(text);
  return header;
}

/** Nesting that the reference's parser allows. */
const deepest = 128;
const space = /[ \t\r\n]*/y;
const stringEnd = /["\\]/g;

/**
 * Refuses what JSON.parse lets pass in a header and the reference does not: a key that an object gives twice, an extent
 * or offset that is not written as a whole number, text that is no Unicode, too deep nesting.
 */
function checkHeaderText(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let field = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : undefined);
      if (open.length > deepest) throw new SafetensorsError(`the header is nested more than ${deepest} deep`);
    } else if (character === "}" || character === "]") open.pop();
    else if (character === '"') {
      const start = at;
      at = endOfString(text, start);
      const value: unknown = JSON.parse(text.slice(start, at + 1));
      const name = String(value);
      if (/\p{Surrogate}/u.test(name))
        throw new SafetensorsError("the header holds half of a surrogate pair, no Unicode text");
      space.lastIndex = at + 1;
      space.test(text);
      if (text[space.lastIndex] !== ":") continue;
      const keys = open.at(-1);
      if (keys?.has(name)) throw new SafetensorsError(`the header gives the key '${brief(name)}' twice`);
      keys?.add(name);
      field = name;
    } else if (/[-\d]/.test(character) && (field === "shape" || field === "data_offsets")) {
      const [number = ""] = /^-?[\d.eE+-]*/.exec(text.slice(at, at + 40)) ?? [];
      if (!/^\d+$/.test(number) && isSize(Number(number))) {
        throw new SafetensorsError(
          `the header holds ${number} in a '${field}', where the format has whole numbers of digits alone`,
        );
      }
      at += number.length - 1;
    }
  }
}

/** Where the string that begins at `start` ends, in valid JSON. */
function endOfString(text: string, start: number): number {
  for (stringEnd.lastIndex = start + 1; ; ) {
    const found = stringEnd.exec(text);
    if (found === null || found[0] === '"') return found?.index ?? text.length;
    stringEnd.lastIndex = found.index + 2;
  }
}

function readEntry(name: string, value: unknown): Entry {
  if (!isRecord(value)) throw new SafetensorsError(`tensor '${brief(name)}': its entry is not a JSON object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesPerElement, dtype)) {
    throw new SafetensorsError(
      `tensor '${brief(name)}': element type ${shown(dtype)} is not one of ${Object.keys(bytesPerElement).join(", ")}`,
    );
  }
  if (!Array.isArray(shape))
    throw new SafetensorsError(`tensor '${brief(name)}': its shape ${shown(shape)} is not a list`);
  const elements = elementsOf(name, shape);
  const [begin, end]: readonly unknown[] = Array.isArray(offsets) && offsets.length === 2 ? offsets : [];
  if (!isSize(begin) || !isSize(end) || begin > end) {
    throw new SafetensorsError(
      `tensor '${brief(name)}': its data_offsets ${shown(offsets)} are not two byte offsets in rising order`,
    );
  }
  const size = elements * bytesPerElement[dtype as SafetensorsDType];
  if (end - begin !== size) {
    throw new SafetensorsError(
      `tensor '${brief(name)}': ${dtype} of shape ${print(shape)} needs ${size} bytes, its data_offsets hold ${end - begin}`,
    );
  }
  return { name, dtype: dtype as SafetensorsDType, shape, begin, end };
}

/** Elements of a shape. @throws SafetensorsError when an extent is no whole number ≥ 0 or the product is too large. */
function elementsOf(name: string, shape: readonly unknown[]): number {
  let elements = 1;
  for (const extent of shape) {
    if (!isSize(extent)) {
      throw new SafetensorsError(
        `tensor '${brief(name)}': its shape ${shown(shape)} holds ${shown(extent)}, extents are whole numbers from 0`,
      );
    }
    elements *= extent;
    // Also where an extent behind it is 0.
    if (elements >= 2 ** 64)
      throw new SafetensorsError(
        `tensor '${brief(name)}': its shape ${print(shape)} has more elements than can be counted`,
      );
  }
  if (!Number.isSafeInteger(elements * 8)) {
    throw new SafetensorsError(
      `tensor '${brief(name)}': its shape ${print(shape)} has more elements than can be counted`,
    );
  }
  return elements;
}

/** @throws SafetensorsError unless the entries, in order of their data, follow each other from 0 to the end. */
function checkCoverage(entries: readonly Entry[], dataLength: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (end > dataLength) {
      throw new SafetensorsError(
        `tensor '${brief(name)}': its data ends at byte ${end}, the file holds ${dataLength} bytes of data; it is cut off`,
      );
    }
    if (begin < covered)
      throw new SafetensorsError(
        `tensor '${brief(name)}': its data begins at byte ${begin} and overlaps another's, which ends at ${covered}`,
      );
    if (begin > covered)
      throw new SafetensorsError(
        `bytes ${covered} to ${begin} of the data belong to no tensor (before '${brief(name)}')`,
      );
    covered = end;
  }
  if (covered !== dataLength)
    throw new SafetensorsError(`bytes ${covered} to ${dataLength} at the end of the data belong to no tensor`);
}

function readMetadata(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) throw new SafetensorsError("__metadata__ is not a JSON object");
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string")
      throw new SafetensorsError(`__metadata__: the value of '${brief(key)}' is not a text`);
  }
  return value as Record<string, string>;
}

function arrayOf(dtype: SafetensorsDType, buffer: ArrayBuffer): SafetensorsArrays[SafetensorsDType] {
  switch (dtype) {
    case "F64":
      return new Float64Array(buffer);
    case "F32":
      return new Float32Array(buffer);
    case "F16":
    case "BF16":
      return new Uint16Array(buffer);
    case "I32":
      return new Int32Array(buffer);
    case "U32":
      return new Uint32Array(buffer);
    case "I64":
      return new BigInt64Array(buffer);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isSize = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

const print = (shape: readonly unknown[]): string => brief(`[${shape.join(", ")}]`);

/** What a file says, short enough for a message. */
const brief = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);
const shown = (value: unknown): string => brief(JSON.stringify(value) ?? "undefined");

/** Order of UTF-16 code units: the same on every machine. */
const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
