import type { CrossValidation } from "@lobule/train";
import { csvText } from "../evaluation/csv.js";
import { evaluationRows } from "../evaluation/evaluation-files.js";

/** A header and one line for each case and class, as that of an evaluation, with the run that measured it in front. */
export function crossValidationCsv({ folds, evaluation }: CrossValidation): string {
  const runs = new Map(folds.flatMap(({ run, validation }) => validation.map((name) => [name, run] as const)));
  const [header = [], ...rows] = evaluationRows(evaluation);
  return csvText([["run", ...header], ...rows.map((row) => [runs.get(String(row[0])) ?? null, ...row])]);
}

/** The whole {@link CrossValidation}; figures that do not exist are null. */
export const crossValidationJson = (result: CrossValidation): string => `${JSON.stringify(result, null, 2)}\n`;
