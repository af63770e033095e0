import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { termsOf } from "../trainer/loss-setting.js";
import { crc32c } from "./crc32c.js";
import { epochScalars } from "./epoch-scalars.js";
import { EventFile } from "./event-file.js";
import { exampleRecord, temporaryFolder } from "./testing.js";

describe("CRC32C", () => {
  test.each<[what: string, bytes: number[], crc: number]>([
    ["32 bytes of zeroes", Array(32).fill(0), 0x8a9136aa],
    ["32 bytes of ones", Array(32).fill(0xff), 0x62a8ab43],
    ["32 bytes of incrementing", Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ["32 bytes of decrementing", Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [
      "an iSCSI SCSI read command",
      ["01c00000", "00000000", "00000000", "00000000", "14000000", "00000400", "00000014", "00000018"]
        .join("")
        .concat("2800000000000000", "0200000000000000")
        .match(/../g)
        ?.map((hex) => Number.parseInt(hex, 16)) ?? [],
      0xd9963a56,
    ],
    ["the text 123456789", [...Buffer.from("123456789")], 0xe3069283],
  ])("of %s, as RFC 3720 B.4 and the catalogue of CRCs give it", (_, bytes, crc) => {
    expect(crc32c(Uint8Array.from(bytes))).toBe(crc);
  });
});

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
}

function parseEvents(file: Buffer): Event[] {
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
    events.push({
      seconds: message.get(1)?.[0],
      step: Number(message.get(2)?.[0]),
      ...(message.has(3) ? { version: part(message, 3).toString() } : {}),
      ...(message.has(7) ? { session: Number(decode(part(message, 7)).get(1)?.[0]) } : {}),
      scalars: Object.fromEntries(
        summary.map((bytes) => {
          if (!Buffer.isBuffer(bytes)) throw new Error("a value is not bytes");
          const value = decode(bytes);
          return [part(value, 1).toString(), value.get(2)?.[0]];
        }),
      ),
    });
  }
  return events;
}

describe("an event file", () => {
  const options = { seconds: 1_700_000_000.75, host: "node-1.local", firstStep: 1 };

  test("begins with its version and the start of a session, then holds the scalars", async () => {
    const folder = join(await temporaryFolder(), "tensorboard");
    const file = await EventFile.create(folder, options);
    await file.add(1, 1_700_000_001.5, { "loss/training": 0.5, "Dice/Läsion": null, gone: undefined });
    await file.add(70_000, 1_700_000_002.25, { "loss/training": Number.NaN, "Dice/Läsion": 0.75 });
    await file.close();
    expect(await readdir(folder)).toEqual(["events.out.tfevents.1700000000.node-1.local"]);
    expect(parseEvents(await readFile(file.path))).toEqual([
      { seconds: 1_700_000_000.75, step: 0, version: "brain.Event:2", scalars: {} },
      { seconds: 1_700_000_000.75, step: 1, session: 1, scalars: {} },
      { seconds: 1_700_000_001.5, step: 1, scalars: { "loss/training": 0.5 } },
      { seconds: 1_700_000_002.25, step: 70_000, scalars: { "loss/training": Number.NaN, "Dice/Läsion": 0.75 } },
    ]);
  });

  test("an event without values is not written", async () => {
    const file = await EventFile.create(await temporaryFolder(), options);
    await file.add(1, 2, { a: null });
    await file.close();
    expect(parseEvents(await readFile(file.path)).length).toBe(2);
  });

  test("a process that resumes writes a file of its own, which names the step it goes on from", async () => {
    const folder = await temporaryFolder();
    for (const [seconds, firstStep] of [
      [1000, 1],
      [2000, 6],
    ] as const) {
      const file = await EventFile.create(folder, { seconds, host: "../a b", firstStep });
      await file.close();
    }
    const names = (await readdir(folder)).sort();
    expect(names).toEqual(["events.out.tfevents.0000001000..._a_b", "events.out.tfevents.0000002000..._a_b"]);
    const last = parseEvents(await readFile(join(folder, names[1] ?? "")));
    expect(last[1]).toMatchObject({ step: 6, session: 1 });
  });

  test("a place that cannot be written is named", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "file"), "");
    await expect(EventFile.create(join(folder, "file"), options)).rejects.toThrow(/cannot write .*tfevents.*file/);
  });
});

test("the scalars of an epoch: every loss, and a chart for each reading and class", () => {
  const record = exampleRecord(3);
  const { validation } = record;
  const scalars = epochScalars(
    { ...record, validation: { ...validation, dice: { ...validation.dice, perCase: [1, 0.5, null] } } },
    ["background", "liver"],
  );
  expect(scalars).toMatchObject({
    "loss/training": record.training.loss,
    "loss/validation": validation.loss,
    "schedule/learning rate": 1e-3,
    "Dice, validation, mean over cases/liver": 0.5,
    "Dice, validation, mean over cases/class 2": null,
  });
  expect(Object.keys(scalars).filter((tag) => tag.startsWith("Dice,")).length).toBe(5 * 3);
});

test("a run with another loss has its terms under their own names", () => {
  const record = exampleRecord(0);
  const scalars = epochScalars(record, ["background", "liver"], termsOf("tversky"));
  expect(scalars["Tversky loss/validation"]).toBe(record.validation.diceLoss);
  expect(scalars).not.toHaveProperty(["Dice loss/validation"]);
  expect(epochScalars(record, [], termsOf("focal"))["focal loss/training"]).toBe(record.training.crossEntropy);
});
