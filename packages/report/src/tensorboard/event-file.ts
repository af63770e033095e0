import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, FileWriteError, makeFolder, reason } from "@lobule/data";
import { crc32c } from "./crc32c.js";

/** A picture by its tag. */
export interface EventPicture {
  readonly tag: string;
  readonly width: number;
  readonly height: number;
  /** RGB, without transparency. */
  readonly png: Uint8Array;
}

export interface EventFileOptions {
  /** Wall time now, in seconds since 1970: the file's name, and what its first events bear. */
  readonly seconds: number;
  /** Name of the machine, part of the file's name. */
  readonly host: string;
  /** The step that comes first in this file. Of earlier files TensorBoard shows only what lies before it. */
  readonly firstStep: number;
}

/**
 * A TensorBoard event file of scalars and pictures. A process opens one of its own; TensorBoard joins the files of a
 * folder.
 *
 * Records are framed as length (u64), masked CRC32C of the length, data, masked CRC32C of the data, little-endian; the
 * data are protobuf messages. Sources: TensorFlow's lib/io/record_writer.h and lib/hash/crc32c.h (framing and mask),
 * util/event.proto (Event: wall_time 1, step 2, file_version 3, summary 5, session_log 7; SessionLog: status 1, START is
 * 1) and framework/summary.proto (Summary: value 1; Value: tag 1, simple_value 2, image 4; Image: height 1, width 2,
 * colorspace 3, encoded_image_string 4).
 */
export class EventFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** Makes `folder` where it is missing, and a file in it. @throws FileWriteError when that fails. */
  static async create(folder: string, { seconds, host, firstStep }: EventFileOptions): Promise<EventFile> {
    const whole = String(Math.floor(seconds)).padStart(10, "0");
    const path = join(folder, `events.out.tfevents.${whole}.${host.replace(/[^\w.-]/g, "_")}`);
    try {
      await makeFolder(folder);
      const result = await EventFile.new(path);
      const version = event(seconds, 0, bytesField(3, text("brain.Event:2")));
      const sessionStart = event(seconds, firstStep, bytesField(7, integerField(1, 1)));
      await result.write([version, sessionStart]);
      return result;
    } catch (error) {
      throw eventFileError(path, error);
    }
  }

  /** A file that was not there, and no link: a second one of that name has a number at its end. */
  private static async new(path: string): Promise<EventFile> {
    for (let number = 0; ; number++) {
      const free = number === 0 ? path : `${path}.${number}`;
      try {
        return new EventFile(free, await open(free, "ax"));
      } catch (error) {
        if (errorCode(error) !== "EEXIST") throw error;
      }
    }
  }

  /**
   * Adds one event with a value for each tag, then the pictures. Values that are null or undefined are left out; NaN is
   * written as NaN.
   * @param seconds wall time, since 1970.
   * @throws FileWriteError when the disk is full or cannot be written.
   */
  async add(
    step: number,
    seconds: number,
    scalars: Readonly<Record<string, number | null | undefined>>,
    pictures: readonly EventPicture[] = [],
  ): Promise<void> {
    const values = Object.entries(scalars).flatMap(([tag, value]) =>
      value == null ? [] : [bytesField(1, Buffer.concat([bytesField(1, text(tag)), floatField(2, value)]))],
    );
    const images = pictures.map(({ tag, ...picture }) =>
      bytesField(1, Buffer.concat([bytesField(1, text(tag)), bytesField(4, image(picture))])),
    );
    const summary = [...values, ...images];
    if (summary.length > 0) await this.write([event(seconds, step, bytesField(5, Buffer.concat(summary)))]);
  }

  async close(): Promise<void> {
    await this.file.close();
  }

  private async write(events: readonly Uint8Array[]): Promise<void> {
    try {
      await this.file.appendFile(Buffer.concat(events.map(record)));
    } catch (error) {
      throw eventFileError(this.path, error);
    }
  }
}

const eventFileError = (path: string, error: unknown): FileWriteError =>
  new FileWriteError(`cannot write ${path}: ${reason(error)}`, { cause: error });

/** The framed record of some data. */
function record(data: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

function maskedCrc(bytes: Uint8Array): Buffer {
  const crc = crc32c(bytes);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

const event = (seconds: number, step: number, what: Uint8Array): Buffer =>
  Buffer.concat([doubleField(1, seconds), integerField(2, step), what]);

/** Three channels: RGB. */
const rgb = 3;
const image = ({ width, height, png }: Omit<EventPicture, "tag">): Buffer =>
  Buffer.concat([integerField(1, height), integerField(2, width), integerField(3, rgb), bytesField(4, png)]);

// Protobuf: a field is its number and wire type, then a varint (0), eight bytes (1), length and bytes (2) or four (5).

const integerField = (field: number, value: number): Buffer => Buffer.from([...varint(field << 3), ...varint(value)]);

const bytesField = (field: number, value: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([...varint((field << 3) | 2), ...varint(value.length)]), value]);

function doubleField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(9, (field << 3) | 1);
  bytes.writeDoubleLE(value, 1);
  return bytes;
}

function floatField(field: number, value: number): Buffer {
  const bytes = Buffer.alloc(5, (field << 3) | 5);
  bytes.writeFloatLE(value, 1);
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
