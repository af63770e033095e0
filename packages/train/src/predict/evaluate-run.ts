import { DataError, type Storage } from "@lobule/data";
import type { Device } from "@lobule/tensor";
import { alone, onEveryRank } from "../collective/collective.js";
import type { CaseSource } from "../evaluation/provenance.js";
import { type EvaluationResult, type MeasuredCase, summarize } from "../evaluation/summarize.js";
import { type EvaluatedCases, type EvaluateOptions, evaluateCases } from "./evaluate-cases.js";
import { type EvaluationPlan, listFailures, provenanceOf } from "./plan-evaluation.js";
import { SlicePredictor } from "./slice-predictor.js";

/** How a run is measured. */
export interface EvaluateRunOptions
  extends Pick<EvaluateOptions, "tolerance" | "edge" | "onCase" | "signal" | "world"> {
  /** Slices that are run at once; 4 by default. */
  readonly atOnce?: number;
  /** What an earlier measurement with the same weights and settings has for a case of this content. */
  readonly measuredBefore?: (name: string, source: CaseSource) => MeasuredCase | undefined;
}

/** What was measured of a run. */
export interface RunEvaluation {
  readonly result: EvaluationResult;
  /** Whether the cases are those that the run held out, all of them, wherever they are. */
  readonly heldOut: boolean;
  /** Whether work was stopped, in any process, before all cases were measured. */
  readonly stopped: boolean;
}

/**
 * Measures what a plan has; processes that do so together share the cases, and all have the whole result. Cases that the run was trained on are left out unless they are asked for; those that cannot
 * be measured are listed with the result.
 * @throws DataError when no case is left to measure; the signal's reason where it comes before the first is measured; RankError on
 *   other ranks than the first in both cases.
 */
export async function evaluateRun(
  storage: Storage,
  device: Device,
  plan: EvaluationPlan,
  { atOnce = 4, measuredBefore, ...options }: EvaluateRunOptions = {},
): Promise<RunEvaluation> {
  const { model, settings, known, own, mapping } = plan;
  const { mirror, precision, includeTraining } = settings;
  const predictor = new SlicePredictor(device, model, { atOnce, mirror, precision });
  const measured = await evaluateCases(storage, predictor, plan.cases, {
    ...options,
    ...(settings.postprocessing === true && model.postprocessing !== undefined
      ? { postprocessing: model.postprocessing }
      : {}),
    origin: { known, own, mapping, includeTraining, ...(measuredBefore === undefined ? {} : { measuredBefore }) },
  }).finally(() => predictor.close());
  return onEveryRank(options.world ?? alone, async () => evaluationOf(plan, measured));
}

/** Sums up what was measured. @throws DataError when that is nothing. */
function evaluationOf(plan: EvaluationPlan, measured: EvaluatedCases): RunEvaluation {
  const { own, advice } = plan;
  const included = advice.includeTraining;
  const { results, leftOut, stopped } = measured;
  const failures = [...plan.failures, ...measured.failures];
  const provenance = provenanceOf(plan);
  if (results.length === 0) {
    throw new DataError(
      [
        ...(leftOut.length === 0
          ? []
          : [
              `${plan.run.directory} was trained on all of ${plan.task.directory} (${brief(leftOut)})${included === undefined ? "" : `; ${included} measures it all the same`}`,
            ]),
        ...(failures.length === 0 ? [] : [`no case could be measured: ${listFailures(failures)}`]),
      ].join("; "),
    );
  }
  const heldOut = own || isHeldOut(results, plan, failures.length);
  const notes = [
    ...provenance.notes,
    ...measured.notes.slice(0, listed),
    ...(measured.notes.length > listed
      ? [`${measured.notes.length - listed} more files are odd; \`lobule data verify\` names them`]
      : []),
    ...caseNotes(results, leftOut, { moved: heldOut && !own ? plan.task.directory : undefined, included }),
  ];
  return { result: summarize(results, { provenance: { ...provenance, leftOut, failures, notes } }), heldOut, stopped };
}

/** Whether a folder that is not where the run's was holds all its held-out cases, under their names, and nothing new. */
function isHeldOut(
  results: readonly MeasuredCase[],
  { known, settings, mapping, model }: EvaluationPlan,
  failed: number,
) {
  const names = new Set(results.map(({ name }) => name));
  return (
    failed === 0 &&
    settings.map.length === 0 &&
    mapping.measured.length === model.description.classes.length - 1 &&
    results.every(({ source }) => source?.use === "validation" && source.note === null) &&
    known.split.validation.every((name) => names.has(name))
  );
}

/** Names that a note lists. */
const listed = 5;

const brief = (names: readonly string[]): string =>
  `${names.slice(0, listed).join(", ")}${names.length > listed ? `, … ${names.length} in all` : ""}`;

function caseNotes(
  results: readonly MeasuredCase[],
  leftOut: readonly string[],
  { moved, included }: { readonly moved: string | undefined; readonly included: string | undefined },
): string[] {
  const trained = results.filter(({ source }) => source?.use === "training").map(({ name }) => name);
  const odd = results.flatMap(({ name, source }) => (source?.note == null ? [] : [`${name}: ${source.note}`]));
  return [
    ...(moved === undefined ? [] : [`${moved} has the cases of the run: those that it held out are measured`]),
    ...(leftOut.length === 0
      ? []
      : [
          `the run was trained on ${leftOut.length} of the cases (${brief(leftOut)}), which are left out${included === undefined ? "" : `; ${included} measures them too`}`,
        ]),
    ...(trained.length === 0
      ? []
      : [
          `the run was trained on ${trained.length} of the cases measured here (${brief(trained)}): these are no held-out figures`,
        ]),
    ...odd.slice(0, listed),
    ...(odd.length > listed ? [`${odd.length - listed} more cases are marked in the CSV`] : []),
  ];
}
