import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import type { EpochRecord } from "./epoch-record.js";

/** A folder for one test, removed after it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-run-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A plausible record of an epoch of a network with three classes. */
export function exampleRecord(epoch: number, changes: Partial<EpochRecord> = {}): EpochRecord {
  const loss = 0.2 + 1.4 * Math.exp(-epoch / 3);
  const dice = [0.99, 0.95 - 0.4 * Math.exp(-epoch / 3), 0.7 - 0.6 * Math.exp(-epoch / 4)];
  return {
    epoch,
    step: 40 * (epoch + 1),
    learningRate: 1e-3,
    training: { loss, pixelLoss: loss / 3, overlapLoss: (2 * loss) / 3, dice },
    validation: {
      loss: loss + 0.05,
      pixelLoss: loss / 3,
      overlapLoss: (2 * loss) / 3 + 0.05,
      dice: { sliceMean: dice, foregroundSliceMean: dice, pooled: dice, perCase: dice },
    },
    seconds: 15.25,
    slicesPerSecond: 84.5,
    waitedShare: 0.004,
    best: true,
    ...changes,
  };
}

/** One decoded protobuf message: values by field number, a list each. */
type Message = Map<number, (number | bigint | Buffer)[]>;

/** A protobuf decoder by the wire format's own description, written apart from the encoder. */
function decode(bytes: Buffer): Message {
  const message: Message = new Map();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const values = message.get(key >> 3) ?? [];
    message.set(key >> 3, values);
    if ((key & 7) === 0) values.push(varint());
    else if ((key & 7) === 1) {
      values.push(bytes.readDoubleLE(at));
      at += 8;
    } else if ((key & 7) === 5) {
      values.push(bytes.readFloatLE(at));
      at += 4;
    } else if ((key & 7) === 2) {
      const length = Number(varint());
      if (at + length > bytes.length) throw new Error("a field is longer than its message");
      values.push(bytes.subarray(at, at + length));
      at += length;
    } else throw new Error(`wire type ${key & 7}`);
  }
  return message;
}

/** CRC32C bit by bit, and TensorFlow's mask undone: crc = rotate left by 15 of (masked − 0xa282ead8). */
function checkCrc(bytes: Buffer, masked: number): void {
  let crc = 0xffffffffn;
  for (const byte of bytes) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1n) ^ (crc & 1n ? 0x82f63b78n : 0n);
  }
  crc ^= 0xffffffffn;
  const rotated = BigInt.asUintN(32, BigInt(masked) - 0xa282ead8n);
  expect(BigInt.asUintN(32, (rotated << 15n) | (rotated >> 17n))).toBe(crc);
}

interface Event {
  readonly seconds: unknown;
  readonly step: number;
  readonly version?: string;
  readonly session?: number;
  readonly scalars: Record<string, unknown>;
  /** PNG files by tag, with the extents that are said of them. */
  readonly pictures: Record<string, { readonly width: number; readonly height: number; readonly png: Buffer }>;
}

/** Reads an event file by the formats' own descriptions, and checks its checksums. */
export function parseEvents(file: Buffer): Event[] {
  const events: Event[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    checkCrc(file.subarray(at, at + 8), file.readUInt32LE(at + 8));
    const data = file.subarray(at + 12, at + 12 + length);
    checkCrc(data, file.readUInt32LE(at + 12 + length));
    at += 16 + length;
    const message = decode(data);
    const part = (from: Message, field: number): Buffer => {
      const value = from.get(field)?.[0];
      if (!Buffer.isBuffer(value)) throw new Error(`field ${field} is not bytes`);
      return value;
    };
    const summary = message.has(5) ? (decode(part(message, 5)).get(1) ?? []) : [];
    const values = summary.map((bytes) => {
      if (!Buffer.isBuffer(bytes)) throw new Error("a value is not bytes");
      return decode(bytes);
    });
    events.push({
      seconds: message.get(1)?.[0],
      step: Number(message.get(2)?.[0]),
      ...(message.has(3) ? { version: part(message, 3).toString() } : {}),
      ...(message.has(7) ? { session: Number(decode(part(message, 7)).get(1)?.[0]) } : {}),
      scalars: Object.fromEntries(
        values.filter((value) => value.has(2)).map((value) => [part(value, 1).toString(), value.get(2)?.[0]]),
      ),
      pictures: Object.fromEntries(
        values
          .filter((value) => value.has(4))
          .map((value) => {
            const image = decode(part(value, 4));
            const number = (field: number): number => Number(image.get(field)?.[0]);
            expect(number(3)).toBe(3);
            return [part(value, 1).toString(), { height: number(1), width: number(2), png: part(image, 4) }];
          }),
      ),
    });
  }
  return events;
}

/** The events of a folder in the order in which TensorBoard reads its files. */
export async function eventsOf(folder: string): Promise<Event[]> {
  const files = (await readdir(folder)).filter((name) => name.includes("tfevents")).sort();
  return (await Promise.all(files.map((name) => readFile(join(folder, name))))).flatMap(parseEvents);
}

/** What TensorBoard shows of a tag: a session that starts takes back what stands at its step or later. */
export function shown(events: readonly Event[], tag: string): [step: number, value: number][] {
  let points: [number, number][] = [];
  for (const { step: at, session, scalars } of events) {
    if (session === 1) points = points.filter(([before]) => before < at);
    const value = scalars[tag];
    if (typeof value === "number") points.push([at, Number(value.toFixed(4))]);
  }
  return points;
}
