import { DataError } from "@lobule/data";
import { type EvaluationResult, type MeasuredCase, summarize } from "./summarize.js";

/** A run of a cross-validation, and what was measured on the cases that it held out. */
export interface MeasuredFold {
  /** Its folder, within that of the cross-validation. */
  readonly run: string;
  /** Cases that it was trained on, and seconds that its epochs took. */
  readonly training: number;
  readonly seconds: number;
  /** Names of the cases that it held out. */
  readonly validation: readonly string[];
  /** The weights that were measured: their epoch, from 1, and the SHA-256 of their file. */
  readonly checkpoint: { readonly epoch: number | null; readonly sha256: string };
  readonly cases: readonly MeasuredCase[];
}

/** One class in the cases of one fold. */
interface FoldDice {
  readonly label: number;
  readonly name: string;
  /** Mean per-case Dice over the n cases whose truth has the class. */
  readonly perCase: number | null;
  readonly n: number;
}

/** What became of a fold. */
export interface FoldSummary extends Omit<MeasuredFold, "cases"> {
  readonly classes: readonly FoldDice[];
}

/** All figures of a cross-validation; crossval.json holds just this. */
export interface CrossValidation {
  readonly format: "lobule-crossval";
  readonly version: 1;
  /** Full path of the folder of the cases. */
  readonly data: string;
  readonly folds: readonly FoldSummary[];
  /** Of all cases, each measured by the model that did not see it. */
  readonly evaluation: EvaluationResult;
}

/**
 * Takes together what the folds of a cross-validation measured.
 * @throws DataError naming a case that no fold measured, or more than one did; or when folds measured otherwise.
 */
export function joinFolds(data: string, folds: readonly MeasuredFold[]): CrossValidation {
  const by = new Map<string, string>();
  for (const { run, validation, cases } of folds) {
    const measured = new Set(cases.map(({ name }) => name));
    const missing = validation.find((name) => !measured.has(name));
    if (missing !== undefined) throw new DataError(`${run} has not measured ${missing}, which it held out`);
    for (const name of measured) {
      const other = by.get(name);
      if (other !== undefined) throw new DataError(`${name} was measured by ${other} and by ${run}`);
      by.set(name, run);
    }
  }
  const evaluation = summarized(folds.flatMap(({ cases }) => cases));
  return {
    format: "lobule-crossval",
    version: 1,
    data,
    folds: folds.map(({ cases, ...fold }) => ({
      ...fold,
      classes: summarized(cases).classes.map(({ label, name, dice: { perCase } }) => {
        return { label, name, perCase: perCase.value, n: perCase.n };
      }),
    })),
    evaluation,
  };
}

/** @throws DataError when the cases cannot be taken together. */
function summarized(cases: readonly MeasuredCase[]): EvaluationResult {
  try {
    return summarize(cases);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new DataError(error.message.replace(/^summarize: /, ""));
  }
}
