import { joinFolds } from "@lobule/train";
import { expect, test } from "vitest";
import { absent, found, invented, missed } from "../../../train/src/evaluation/testing.js";
import { exampleRecord } from "../../../train/src/run/testing.js";
import { checkSelfContained, checkWellFormed, words } from "../run/testing.js";
import { crossValidationCsv } from "./crossval-files.js";
import { renderCrossValidation } from "./crossval-page.js";

const fold = (run: string, cases: (typeof found)[]) => ({
  run,
  training: 2,
  seconds: 90,
  validation: cases.map(({ name }) => name),
  checkpoint: { epoch: 3, sha256: "00" },
  cases,
});
const result = joinFolds("/data", [fold("fold0", [found, absent]), fold("fold1", [missed, invented])]);
const metrics = [0, 1].map(() => [0, 1, 2].map((epoch) => exampleRecord(epoch)));

test("the page shows all cases together, each fold, its curves and the worst cases first", () => {
  const page = renderCrossValidation({ title: "A <task>", result, metrics, settings: { epochs: 3 } });
  checkWellFormed(page);
  checkSelfContained(page);
  const text = words(page);
  expect(text).toContain("A &lt;task&gt;");
  expect(text).toContain("2 folds, 4 cases; each case was measured once, by the model that was not trained on it.");
  expect(text).toContain("Training took 3 min 0 s in all.");
  expect(text).toMatch(/mean over cases, 3D 0\.333 [^n]*2 cases/);
  expect(text).toMatch(/fold1 2 2 3 1 min 30 s [\d.]+ n 2 0\.000 n 1/);
  const cases = text.slice(text.indexOf("Case by case"), text.indexOf("What was run"));
  expect(cases.indexOf("missed")).toBeLessThan(cases.indexOf("found"));
  // Of each chart a thin line a fold and their mean.
  expect(page.match(/<figure/g)).toHaveLength(3);
});

test("the CSV says which run measured a case", () => {
  const [header, ...rows] = crossValidationCsv(result).trim().split("\r\n");
  expect(header).toMatch(/^run,case,label,class,/);
  expect(rows.map((row) => row.split(",").slice(0, 3).join(" "))).toEqual([
    ...["fold0 found 1", "fold0 found 2", "fold0 absent 1", "fold0 absent 2"],
    ...["fold1 missed 1", "fold1 missed 2", "fold1 invented 1", "fold1 invented 2"],
  ]);
});
