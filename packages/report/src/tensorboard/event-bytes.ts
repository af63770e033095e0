import { crc32c } from "./crc32c.js";

/** A picture by its tag. */
export interface EventPicture {
  readonly tag: string;
  readonly width: number;
  readonly height: number;
  /** RGB, without transparency. */
  readonly png: Uint8Array;
}

// Records are framed as length (u64), masked CRC32C of the length, data, masked CRC32C of the data, little-endian; the
// data are protobuf messages. Sources: TensorFlow's lib/io/record_writer.h and lib/hash/crc32c.h (framing and mask),
// util/event.proto (Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7; SessionLog: status 1, START is
// 1) and framework/summary.proto (Summary: value 1; Value: tag 1, simple_value 2, image 4; Image: height 1, width 2,
// colorspace 3, encoded_image_string 4).

/** The record that an event file begins with. @param seconds wall time, since 1970. */
export const versionRecord = (seconds: number): Uint8Array =>
  record(event(seconds, 0, bytesField(3, text("brain.Event:2"))));

/** A session that continues with `firstStep`. @param seconds wall time, since 1970. */
export const sessionRecord = (seconds: number, firstStep: number): Uint8Array =>
  record(event(seconds, firstStep, bytesField(7, integerField(1, 1))));

/**
 * A value for each tag, then the pictures; undefined where there is none of them. Values that are null or undefined are
 * left out; NaN is written as NaN.
 * @param seconds wall time, since 1970.
 */
export function summaryRecord(
  seconds: number,
  step: number,
  scalars: Readonly<Record<string, number | null | undefined>>,
  pictures: readonly EventPicture[],
): Uint8Array | undefined {
  const values = Object.entries(scalars).flatMap(([tag, value]) =>
    value == null ? [] : [bytesField(1, concatenated([bytesField(1, text(tag)), floatField(2, value)]))],
  );
  const images = pictures.map(({ tag, ...picture }) =>
    bytesField(1, concatenated([bytesField(1, text(tag)), bytesField(4, image(picture))])),
  );
  const summary = [...values, ...images];
  return summary.length === 0 ? undefined : record(event(seconds, step, bytesField(5, concatenated(summary))));
}

/** Parts one after another. */
export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** The framed record of some data. */
function record(data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(data.length), true);
  return concatenated([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(bytes: Uint8Array): Uint8Array {
  const crc = crc32c(bytes);
  const masked = new Uint8Array(4);
  new DataView(masked.buffer).setUint32(0, ((crc >>> 15) | (crc << 17)) + 0xa282ead8, true);
  return masked;
}

const event = (seconds: number, step: number, what: Uint8Array): Uint8Array =>
  concatenated([doubleField(1, seconds), integerField(2, step), what]);

/** Three channels: RGB. */
const rgb = 3;
const image = ({ width, height, png }: Omit<EventPicture, "tag">): Uint8Array =>
  concatenated([integerField(1, height), integerField(2, width), integerField(3, rgb), bytesField(4, png)]);

// Protobuf: a field is its number and wire type, then a varint (0), eight bytes (1), length and bytes (2) or four (5).

const integerField = (field: number, value: number): Uint8Array =>
  Uint8Array.of(...varint(field << 3), ...varint(value));

const bytesField = (field: number, value: Uint8Array): Uint8Array =>
  concatenated([Uint8Array.of(...varint((field << 3) | 2), ...varint(value.length)), value]);

function doubleField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(9);
  bytes[0] = (field << 3) | 1;
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function floatField(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(5);
  bytes[0] = (field << 3) | 5;
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}

/** A whole number from 0 in groups of seven bits, lowest first. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
