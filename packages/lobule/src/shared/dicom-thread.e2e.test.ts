import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSeries } from "../../../dicom/src/testing/write-series.js";
import { DicomThread } from "./dicom-thread.js";

let folder: string;
let sound: Buffer;
const thread = new DicomThread({ seconds: 2 });
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-thread-"));
  const [path = ""] = await writeSeries(folder, { slices: 1, syntax: "1.2.840.10008.1.2.4.90" });
  sound = await readFile(path);
});
afterAll(async () => {
  await thread.end();
  await rm(folder, { recursive: true, force: true });
});

/** Where the value of the pixels begins: the item with the offsets of frames. */
const pixelsAt = (): number => sound.indexOf(Buffer.from([0xe0, 0x7f, 0x10, 0x00])) + 12;
const item = (length: number): Buffer => {
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(length, 4);
  return header;
};
const parse = (...parts: readonly Uint8Array[]) => thread.parse({ path: "a.dcm", bytes: Buffer.concat(parts) });

test("what would be read for minutes is given up, and the next file is read", async () => {
  // For each offset of a frame the library copies the file.
  const offsets = [item(400_000), Buffer.alloc(400_000)];
  await expect(parse(sound.subarray(0, pixelsAt()), ...offsets, sound.subarray(pixelsAt() + 12))).rejects.toThrow(
    "a.dcm is damaged: reading it had no end after 2 s; copy it again",
  );
  expect((await parse(sound))?.pixels).toHaveLength(60);
});

test("sequences that hold one another a hundred thousand times are refused", async () => {
  const sequence = Buffer.concat([Buffer.from([0x40, 0x00, 0x75, 0x02, 0x53, 0x51, 0, 0]), Buffer.alloc(4, 0xff)]);
  const deep = Buffer.concat(Array(100_000).fill(Buffer.concat([sequence, item(0xffffffff)])));
  const at = pixelsAt() - 12;
  await expect(parse(sound.subarray(0, at), deep, sound.subarray(at))).rejects.toThrow(
    /^a\.dcm (is damaged|cannot be read) ?[:(].*; copy it again$/,
  );
  expect((await parse(sound))?.pixels).toHaveLength(60);
});
