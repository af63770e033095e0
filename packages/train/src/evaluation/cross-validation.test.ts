import { DataError } from "@lobule/data";
import { describe, expect, test } from "vitest";
import { joinFolds, type MeasuredFold } from "./cross-validation.js";
import { summarize } from "./summarize.js";
import { absent, found, invented, missed, row } from "./testing.js";

const fold = (run: string, cases: MeasuredFold["cases"], changes: Partial<MeasuredFold> = {}): MeasuredFold => ({
  run,
  training: 2,
  seconds: 1.5,
  validation: cases.map(({ name }) => name),
  checkpoint: { epoch: 3, sha256: "00" },
  cases,
  ...changes,
});

describe("joinFolds", () => {
  const joined = joinFolds("/data", [fold("fold0", [found, absent]), fold("fold1", [missed, invented])]);

  test("the figures are those of all cases together, and not the mean of the folds' means", () => {
    expect(joined.evaluation).toEqual(summarize([found, absent, missed, invented]));
    const [, tumor] = joined.evaluation.classes;
    // found: 2·1/(1 + 2); missed: 0; in the two others the truth has no tumor.
    expect(tumor?.dice.perCase).toMatchObject({ value: 1 / 3, n: 2 });
  });

  test("each fold has its own means, of the cases whose truth has the class", () => {
    expect(joined.folds).toMatchObject([
      { run: "fold0", training: 2, seconds: 1.5, validation: ["found", "absent"] },
      { run: "fold1", checkpoint: { epoch: 3, sha256: "00" } },
    ]);
    const tumors = joined.folds.map(({ classes }) => classes[1]);
    expect(tumors).toEqual([
      { label: 2, name: "tumor", perCase: 2 / 3, n: 1 },
      { label: 2, name: "tumor", perCase: 0, n: 1 },
    ]);
  });

  test.each<[string, MeasuredFold[], string]>([
    [
      "a case that nobody measured",
      [fold("fold0", [found], { validation: ["found", "absent"] })],
      "fold0 has not measured absent, which it held out",
    ],
    [
      "a case of two folds",
      [fold("fold0", [found, absent]), fold("fold1", [found])],
      "found was measured by fold0 and by fold1",
    ],
  ])("refuses %s", (_, folds, message) => {
    expect(() => joinFolds("/data", folds)).toThrow(new DataError(message));
  });

  test("refuses folds of other classes", async () => {
    const vessel = await row("b", [0], [0], ["background", "vessel", "tumor"]);
    expect(() => joinFolds("/data", [fold("fold0", [found]), fold("fold1", [vessel])])).toThrow(
      /^b was measured for vessel, tumor at 2 mm, edge surface, found for liver, tumor/,
    );
  });
});
