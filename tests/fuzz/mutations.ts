/** Random numbers from a seed: mulberry32, by Tommy Ettinger. The same seed gives the same inputs on every machine. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** A whole number from 0 to `count` − 1. */
  below(count: number): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % count;
  }

  of<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new RangeError("Random.of: the list is empty");
    return found;
  }
}

type Bytes = Uint8Array;
const text = (bytes: Bytes): string => new TextDecoder("latin1").decode(bytes);
const bytesOf = (content: string): Bytes => Buffer.from(content, "latin1");
const joined = (...parts: readonly Bytes[]): Bytes => Buffer.concat(parts);

const flipped = (bytes: Bytes, random: Random): Bytes => {
  const result = Buffer.from(bytes);
  for (let count = 1 + random.below(8); count > 0 && result.length > 0; count--) {
    const at = random.below(result.length);
    result[at] = random.below(2) === 0 ? random.below(256) : (result[at] as number) ^ (1 << random.below(8));
  }
  return result;
};
const cut = (bytes: Bytes, random: Random): Bytes => bytes.subarray(0, random.below(bytes.length + 1));
const inserted = (bytes: Bytes, random: Random): Bytes => {
  const at = random.below(bytes.length + 1);
  const more = Uint8Array.from({ length: 1 + random.below(64) }, () => random.below(256));
  return joined(bytes.subarray(0, at), more, bytes.subarray(at));
};
const removed = (bytes: Bytes, random: Random): Bytes => {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(64)));
};
const repeated = (bytes: Bytes, random: Random): Bytes => {
  const at = random.below(bytes.length + 1);
  return joined(bytes.subarray(0, at), bytes.subarray(random.below(bytes.length + 1)));
};

const oddValues = [
  "0",
  "-1",
  "1e308",
  "-1e308",
  "1e999",
  "9007199254740993",
  "4294967296",
  "2147483648",
  "0.5",
  "1e-320",
  "-0",
  "NaN",
  "Infinity",
  "null",
  "true",
  '""',
  '"a"',
  '"\\u001b[31m"',
  '"\\ud800"',
  "[]",
  "{}",
  "[[]]",
  "[0,0,0]",
  '{"a":1}',
];

/** Where something of a kind stands in the text: a random one, replaced. */
function replaced(bytes: Bytes, random: Random, pattern: RegExp, by: () => string): Bytes {
  const content = text(bytes);
  const found = [...content.matchAll(pattern)];
  if (found.length === 0) return flipped(bytes, random);
  const match = random.of(found);
  return bytesOf(content.slice(0, match.index) + by() + content.slice(match.index + match[0].length));
}

const numberEdited = (bytes: Bytes, random: Random): Bytes =>
  replaced(bytes, random, /-?\d+(\.\d+)?([eE][+-]?\d+)?/g, () => random.of(oddValues));
const valueEdited = (bytes: Bytes, random: Random): Bytes =>
  replaced(bytes, random, /"[^"]*"(?!\s*:)|\btrue\b|\bfalse\b|\bnull\b|-?\d+(\.\d+)?/g, () => random.of(oddValues));
const keyEdited = (bytes: Bytes, random: Random): Bytes =>
  replaced(bytes, random, /"[^"]*"(?=\s*:)/g, () =>
    random.of(['"__proto__"', '"constructor"', '""', '"x"', '"length"']),
  );
const keyTwice = (bytes: Bytes, random: Random): Bytes => {
  const content = text(bytes);
  const found = [...content.matchAll(/"[^"]*"\s*:\s*("[^"]*"|-?[\d.]+|null|true|false)/g)];
  if (found.length === 0) return inserted(bytes, random);
  const match = random.of(found);
  return bytesOf(`${content.slice(0, match.index)}${match[0]},${content.slice(match.index)}`);
};
/** Values nested 100,000 deep, whole or not closed, in a value's place. */
const nested = (bytes: Bytes, random: Random): Bytes => {
  const [opening, closing] = random.of([
    ["[", "]"],
    ['{"a":', "}"],
  ] as const);
  const deep = opening.repeat(100_000) + (random.below(2) === 0 ? `1${closing.repeat(100_000)}` : "");
  if (random.below(4) === 0) return bytesOf(deep);
  return replaced(bytes, random, /-?\d+(\.\d+)?|"[^"]*"(?!\s*:)/g, () => deep);
};
const encoded = (bytes: Bytes, random: Random): Bytes =>
  random.of<() => Bytes>([
    () => joined(Uint8Array.of(0xef, 0xbb, 0xbf), bytes),
    () => bytesOf(text(bytes).replaceAll("\n", "\r\n")),
    () => Buffer.from(text(bytes), "utf16le"),
    () => joined(bytes, Uint8Array.of(0xff, 0xc0, 0x80)),
    () => joined(bytes, new Uint8Array(1 + random.below(100))),
    () => bytesOf(text(bytes).replaceAll('"', "'")),
  ])();
/** Eight or four bytes that say how much follows. */
const lengthEdited = (bytes: Bytes, random: Random): Bytes => {
  if (bytes.length < 8) return inserted(bytes, random);
  const result = Buffer.from(bytes);
  const at = random.below(2) === 0 ? 0 : random.below(Math.min(result.length - 7, 400));
  const value = random.of([
    0n,
    1n,
    7n,
    255n,
    65_535n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 32n - 1n,
    2n ** 53n,
    2n ** 64n - 1n,
  ]);
  if (random.below(2) === 0) result.writeBigUInt64LE(value, at);
  else result.writeUInt32LE(Number(value & 0xffffffffn), at);
  return result;
};

const binary = [flipped, flipped, cut, inserted, removed, repeated, lengthEdited];
const textual = [numberEdited, numberEdited, valueEdited, valueEdited, keyEdited, keyTwice, nested, encoded];

/** A changed copy of a sound input. The same random numbers give the same copy. */
export function mutated(sound: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = sound;
  for (let count = 1 + random.below(3); count > 0; count--) {
    const change = random.of(random.below(2) === 0 ? binary : textual);
    // Two deep values in one file would be megabytes.
    bytes = bytes.length > 300_000 && change === nested ? flipped(bytes, random) : change(bytes, random);
  }
  return bytes;
}
