import { DataError } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { epochRecordLine, parseEpochRecord } from "./epoch-record.js";
import { exampleRecord } from "./testing.js";

const record = exampleRecord(3);
const parse = (line: unknown) => parseEpochRecord(line, "metrics.jsonl, line 4:");

describe("a record in metrics.jsonl", () => {
  test("is written with its version first, and read back as it was", () => {
    const line = epochRecordLine(record);
    expect(line).toMatch(/^\{"version":2,"epoch":3,/);
    expect(parse(JSON.parse(line))).toEqual(record);
  });

  test("without a version has the names of Dice-CE's terms, whatever the loss", () => {
    const { training, validation, ...others } = record;
    const old = ({ pixelLoss, overlapLoss, ...losses }: { pixelLoss: number; overlapLoss: number }) => ({
      ...losses,
      crossEntropy: pixelLoss,
      diceLoss: overlapLoss,
    });
    expect(parse({ ...others, training: old(training), validation: old(validation) })).toEqual(record);
  });

  test("of a newer version is refused", () => {
    expect(() => parse({ version: 3, ...record })).toThrow(DataError);
    expect(() => parse({ version: 3, ...record })).toThrow(
      "metrics.jsonl, line 4: the record has version 3, and this program knows those up to 2; update lobule",
    );
  });

  test.each([
    ["no object", 5],
    ["without one of the losses", { ...record, training: { ...record.training, crossEntropy: 1 } }],
    [
      "with the names of another version",
      { ...record, version: 2, training: { loss: 1, crossEntropy: 1, diceLoss: 1 } },
    ],
  ])("that is %s is refused", (_what, line) => {
    expect(() => parse(line)).toThrow(/^metrics.jsonl, line 4: is not as expected/);
  });
});
