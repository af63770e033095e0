import { deflateSync } from "node:zlib";
import {
  DataError,
  MemoryStorage,
  portablePacking,
  readDecathlon,
  readNifti,
  verifyDecathlon,
  writeFileAtomically,
} from "@lobule/data";
import { encode as encodePng } from "fast-png";
import { encode as encodeJpeg } from "jpeg-js";
import { describe, expect, test } from "vitest";
import { picturesToTask } from "./pictures-to-task.js";

const [width, height] = [4, 3];
const gray = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
const png = (data: Uint8Array | Uint16Array, channels = 1): Uint8Array =>
  encodePng({ width, height, data, channels, depth: data instanceof Uint16Array ? 16 : 8 });
const mask = png(Uint8Array.from({ length: 12 }, (_, i) => (i < 4 ? 0 : i < 9 ? 128 : 255)));
/** A gray TIFF of one strip, by hand: header, the pixels, 9 entries of 12 bytes. */
const tiff = (): Uint8Array => {
  const entries = [
    [256, width],
    [257, height],
    [258, 8],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, height],
    [279, 12],
  ] as const;
  const bytes = new Uint8Array(20 + 2 + 12 * entries.length + 4);
  const view = new DataView(bytes.buffer);
  bytes.set([0x49, 0x49, 42, 0, 20, 0, 0, 0, ...gray]);
  view.setUint16(20, entries.length, true);
  for (const [i, [tag, value]] of entries.entries()) {
    view.setUint16(22 + 12 * i, tag, true);
    view.setUint16(24 + 12 * i, 3, true);
    view.setUint32(26 + 12 * i, 1, true);
    view.setUint16(30 + 12 * i, value, true);
  }
  return bytes;
};

async function storageOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  for (const folder of ["images", "masks"]) await storage.makeFolder(`/in/${folder}`);
  for (const [name, content] of Object.entries(files)) await writeFileAtomically(storage, `/in/${name}`, content);
  return storage;
}
const convert = async (files: Readonly<Record<string, Uint8Array | string>>, labels?: readonly string[]) => {
  const storage = await storageOf(files);
  return { storage, task: await picturesToTask(storage, "/in", "/out", { labels }) };
};

test("pictures of every form become sound cases, each with its mask", async () => {
  const colors = png(
    Uint8Array.from({ length: 36 }, (_, i) => (i % 3 === 0 ? 200 : 0)),
    3,
  );
  const rgba = Uint8Array.from({ length: 48 }, (_, i) => (i % 4 === 3 ? 255 : 90));
  const { storage, task } = await convert({
    "images/a.png": png(gray),
    "images/b.png": png(Uint16Array.from(gray, (value) => 256 * value)),
    "images/c.tif": tiff(),
    "images/d.png": colors,
    "images/e.jpg": encodeJpeg({ width, height, data: rgba }, 90).data,
    ...Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [`masks/${name}.png`, mask])),
  });
  expect(task).toEqual({
    labels: ["background", "class 128", "class 255"],
    values: [0, 128, 255],
    cases: 5,
    notes: ["1 of 5 pictures have colors, which became gray"],
  });
  const found = await readDecathlon(storage, "/out");
  expect((await verifyDecathlon(storage, found)).flatMap(({ problems }) => problems)).toEqual([]);
  const values = async (name: string): Promise<number[]> => [
    ...(await readNifti(storage, `/out/imagesTr/${name}.nii.gz`)).data,
  ];
  expect(await values("a")).toEqual([...gray]);
  expect(await values("b")).toEqual(Array.from(gray, (value) => 256 * value));
  expect(await values("c")).toEqual([...gray]);
  expect(await values("d")).toEqual(Array(12).fill(60));
  for (const value of await values("e")) expect(Math.abs(value - 90)).toBeLessThan(4);
  const labels = await readNifti(storage, "/out/labelsTr/a.nii.gz");
  expect([...labels.data]).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2]);
  expect(labels.header.orientation).toBe("LPS");
});

describe("what does not go together is refused by name", () => {
  const one = { "images/a.png": png(gray), "masks/a.png": mask };
  test.each<[string, Readonly<Record<string, Uint8Array | string>>, readonly string[] | undefined, string]>([
    ["no mask", { ...one, "images/b.png": png(gray) }, undefined, "/in/images/b.png has no mask masks/b.png"],
    ["no picture", { ...one, "masks/b.png": mask }, undefined, "/in/masks/b.png has no picture images/b.png"],
    ["a mask as JPEG", { ...one, "masks/b.jpg": "" }, undefined, "is a JPEG, which does not keep the values of a mask"],
    ["two of a name", { ...one, "images/a.tif": tiff() }, undefined, "has two pictures called a"],
    [
      "other sizes",
      { ...one, "images/a.png": encodePng({ width: 2, height: 6, data: gray, channels: 1 }) },
      undefined,
      "a mask has the size of its picture",
    ],
    ["one value", { ...one, "masks/a.png": png(new Uint8Array(12)) }, undefined, "the masks hold one value alone"],
    ["too few names", one, ["background", "cell"], "2 labels are named, and the masks hold 3 values (0, 128, 255)"],
    [
      "a damaged picture",
      { ...one, "images/a.png": mask.subarray(0, 40) },
      undefined,
      "/in/images/a.png cannot be read as a picture",
    ],
    ["nothing", {}, undefined, "/in/images holds no .png, .jpg or .tif"],
  ])("%s", async (_, files, labels, message) => {
    await expect(convert(files, labels)).rejects.toThrow(DataError);
    await expect(convert(files, labels)).rejects.toThrow(message);
  });
});

test("a mask of one bit a pixel is read as it is written", async () => {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    checksum.writeUInt32BE(portablePacking.crc32(body));
    return Buffer.concat([length, body, checksum]);
  };
  const header = Buffer.from([0, 0, 0, 10, 0, 0, 0, 2, 1, 0, 0, 0, 0]);
  // Each row has a filter byte, then ten bits.
  const rows = deflateSync(Uint8Array.of(0, 0b10100000, 0b01000000, 0, 0b00000001, 0b10000000));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const bits = Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", rows), chunk("IEND", new Uint8Array())]);
  const picture = encodePng({ width: 10, height: 2, data: new Uint8Array(20), channels: 1 });
  const { storage } = await convert({ "images/a.png": picture, "masks/a.png": bits });
  const { data } = await readNifti(storage, "/out/labelsTr/a.nii.gz");
  expect([...data]).toEqual([1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
});
