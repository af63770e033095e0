import { plural } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { readDecoding } from "./rehearsal-parts.js";

describe("what training says before its first step", () => {
  test.each([
    ["a tenth of a task", 4, 748, 1, 153],
    ["a whole task", 43, 8159, 11, 1906],
    ["a task of thousands of cases", 1720, 88550, 1044, 22650],
  ])("is read of %s", (_, training, trainingSlices, validation, validationSlices) => {
    const said = `phantom: ${plural(training, "case")} (${plural(trainingSlices, "slice")}) to train on, ${validation} (${validationSlices.toLocaleString("en-US")}) to validate on`;
    const { figures } = readDecoding(`note: a note\n${said}\nfirst steps done 20.0 s after the start\n`, measured);
    const values = figures.map(({ value }) => value);
    const slices = trainingSlices + validationSlices;
    expect(values).toEqual([training, trainingSlices, validation, validationSlices, slices, 20, slices / 20]);
  });

  test("is missed where no step was taken", () => {
    expect(() => readDecoding("data: 4 cases (12 slices) to train on, 1 (3) to validate on", measured)).toThrow(
      "it does not say what it trains on, or took no step",
    );
  });
});

const measured = { seconds: 1, residentBytes: null, folderBytes: null, card: null };
