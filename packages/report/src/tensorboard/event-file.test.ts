import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { termsOf } from "@lobule/train";
import { describe, expect, test } from "vitest";
import { exampleRecord, parseEvents, temporaryFolder } from "../../../train/src/run/testing.js";
import { crc32c } from "./crc32c.js";
import { epochScalars } from "./epoch-scalars.js";
import { EventFile } from "./event-file.js";

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
  ])("of %s, as RFC 3720 B.4 and the catalog of CRCs give it", (_, bytes, crc) => {
    expect(crc32c(Uint8Array.from(bytes))).toBe(crc);
  });
});

describe("an event file", () => {
  const options = { seconds: 1_700_000_000.75, host: "node-1.local", firstStep: 1 };

  test("begins with its version and the start of a session, then holds the scalars", async () => {
    const folder = join(await temporaryFolder(), "tensorboard");
    const file = await EventFile.create(nodeStorage, folder, options);
    await file.add(1, 1_700_000_001.5, { "loss/training": 0.5, "Dice/Läsion": null, gone: undefined });
    await file.add(70_000, 1_700_000_002.25, { "loss/training": Number.NaN, "Dice/Läsion": 0.75 });
    await file.close();
    expect(await readdir(folder)).toEqual(["events.out.tfevents.1700000000.node-1.local"]);
    expect(parseEvents(await readFile(file.path))).toEqual([
      { seconds: 1_700_000_000.75, step: 0, version: "brain.Event:2", scalars: {}, pictures: {} },
      { seconds: 1_700_000_000.75, step: 1, session: 1, scalars: {}, pictures: {} },
      { seconds: 1_700_000_001.5, step: 1, scalars: { "loss/training": 0.5 }, pictures: {} },
      {
        seconds: 1_700_000_002.25,
        step: 70_000,
        scalars: { "loss/training": Number.NaN, "Dice/Läsion": 0.75 },
        pictures: {},
      },
    ]);
  });

  test("an event without values is not written", async () => {
    const file = await EventFile.create(nodeStorage, await temporaryFolder(), options);
    await file.add(1, 2, { a: null });
    await file.close();
    expect(parseEvents(await readFile(file.path)).length).toBe(2);
  });

  test("a process that resumes writes a file of its own, which names the step it resumes from", async () => {
    const folder = await temporaryFolder();
    for (const [seconds, firstStep] of [
      [1000, 1],
      [2000, 6],
    ] as const) {
      const file = await EventFile.create(nodeStorage, folder, { seconds, host: "../a b", firstStep });
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
    await expect(EventFile.create(nodeStorage, join(folder, "file"), options)).rejects.toThrow(
      /cannot write .*tfevents.*file/,
    );
  });

  test("holds pictures as PNG files with their extents", async () => {
    const file = await EventFile.create(nodeStorage, await temporaryFolder(), options);
    const png = Buffer.from("89504e470d0a1a0a and the rest");
    await file.add(3, 5, { loss: 0.5 }, [{ tag: "slices/a", width: 300, height: 200, png }]);
    await file.close();
    expect(parseEvents(await readFile(file.path)).at(-1)).toEqual({
      seconds: 5,
      step: 3,
      scalars: { loss: 0.5 },
      pictures: { "slices/a": { width: 300, height: 200, png } },
    });
  });
});

test("the scalars of an epoch: losses of both series under one tag, and a group for each reading", () => {
  const record = exampleRecord(3);
  const { validation } = record;
  const scalars = epochScalars(
    { ...record, validation: { ...validation, dice: { ...validation.dice, perCase: [1, 0.5, null] } } },
    ["background", "liver"],
  );
  expect(scalars.training).toMatchObject({
    "loss/by epoch": record.training.loss,
    "Dice, soft, of training batches/liver": record.training.dice[1],
  });
  expect(scalars.validation).toMatchObject({
    "loss/by epoch": validation.loss,
    "cross-entropy/by epoch": validation.pixelLoss,
    "Dice, mean over cases/liver": 0.5,
    "Dice, mean over cases/class 2": null,
  });
  const shared = Object.keys(scalars.training).filter((tag) => tag in scalars.validation);
  expect(shared).toEqual(["loss/by epoch", "cross-entropy/by epoch", "Dice loss/by epoch"]);
  const tags = [...Object.keys(scalars.training), ...Object.keys(scalars.validation)];
  expect(tags.filter((tag) => tag.startsWith("Dice,")).length).toBe(5 * 3);
});

test("a run with another loss has its terms under their own names", () => {
  const record = exampleRecord(0);
  const { validation } = epochScalars(record, ["background", "liver"], termsOf("tversky"));
  expect(validation["Tversky loss/by epoch"]).toBe(record.validation.overlapLoss);
  expect(validation).not.toHaveProperty(["Dice loss/by epoch"]);
  const focal = epochScalars(record, [], termsOf("focal")).training;
  expect(focal["focal loss/by epoch"]).toBe(record.training.pixelLoss);
});

test("a file of the same second and host is another one, and a link in its place is not followed", async () => {
  const folder = await temporaryFolder();
  const precious = join(folder, "precious");
  await writeFile(precious, "precious");
  await symlink(precious, join(folder, "events.out.tfevents.0000001000.a"));
  const options = { seconds: 1000, host: "a", firstStep: 1 };
  for (let i = 1; i <= 2; i++) {
    const file = await EventFile.create(nodeStorage, folder, options);
    expect(file.path).toBe(join(folder, `events.out.tfevents.0000001000.a.${i}`));
    await file.close();
  }
  expect(await readFile(precious, "utf8")).toBe("precious");
});
