import { commandText } from "@lobule/data";
import { type EvaluationSettings, mapText } from "@lobule/train";
import type { ComparedRun } from "./compared-run.js";
import { ComparisonError } from "./comparison-error.js";

/**
 * Checks that runs can be compared at all: two or more, each once, with the same classes.
 * @throws ComparisonError saying which cannot and why.
 */
export function requireComparable(runs: readonly ComparedRun[]): void {
  const [baseline, ...others] = runs;
  if (baseline === undefined || others.length === 0) {
    throw new ComparisonError("a comparison needs two runs or more; name the baseline first, then the others");
  }
  const seen = new Set<string>();
  for (const { directory, path } of runs) {
    if (seen.has(path)) throw new ComparisonError(`${directory} is named twice; name each run once`);
    seen.add(path);
  }
  for (const run of others) {
    if (classesOf(run) !== classesOf(baseline)) {
      throw new ComparisonError(
        `${run.directory} was measured for ${classesOf(run)}, ${baseline.directory} for ${classesOf(baseline)}; only runs with the same classes can be compared`,
      );
    }
  }
}

const classesOf = ({ evaluation }: ComparedRun): string =>
  (evaluation.cases[0]?.classes ?? []).map(({ label, name }) => `${name} (label ${label})`).join(", ");

/**
 * Checks that every run was trained, validated and measured on the baseline's cases, with the same content.
 * @throws ComparisonError saying what differs, with the advice as the way out.
 */
export function requireSameCases([baseline, ...others]: readonly ComparedRun[], advice: string): void {
  for (const run of others) {
    const reason = baseline && differenceOf(baseline, run);
    if (reason === undefined) continue;
    throw new ComparisonError(
      `${run.directory} and ${baseline?.directory} cannot be compared case by case: ${reason}; ${advice}`,
    );
  }
}

function differenceOf(baseline: ComparedRun, run: ComparedRun): string | undefined {
  return (
    namesDiffer("trained", baseline, run, ({ split }) => split.training) ??
    namesDiffer("validated", baseline, run, ({ split }) => split.validation) ??
    contentDiffers(baseline, run) ??
    namesDiffer("measured", baseline, run, ({ evaluation }) => evaluation.cases.map(({ name }) => name)) ??
    measurementDiffers(baseline, run)
  );
}

/** Names that an error lists. */
const listed = 3;

function namesDiffer(
  what: string,
  baseline: ComparedRun,
  run: ComparedRun,
  namesOf: (run: ComparedRun) => readonly string[],
): string | undefined {
  const missingIn = (names: readonly string[], others: readonly string[]): string[] => {
    const known = new Set(others);
    return names.filter((name) => !known.has(name));
  };
  const only = (which: ComparedRun, names: readonly string[]): string[] =>
    names.length === 0
      ? []
      : [`${names.slice(0, listed).join(", ")}${names.length > listed ? ", …" : ""} only in ${which.directory}`];
  const differences = [
    ...only(run, missingIn(namesOf(run), namesOf(baseline))),
    ...only(baseline, missingIn(namesOf(baseline), namesOf(run))),
  ];
  return differences.length === 0 ? undefined : `they were ${what} on different cases (${differences.join("; ")})`;
}

function contentDiffers(baseline: ComparedRun, run: ComparedRun): string | undefined {
  for (const { workload, directory } of [baseline, run]) {
    if (workload === null) {
      return `${directory} has no workload.json, which tells what its cases hold; ${commandText("train", "--resume", directory)} writes it`;
    }
  }
  const names = [...run.split.training, ...run.split.validation];
  const changed = names.find((name) => run.workload?.cases[name] !== baseline.workload?.cases[name]);
  return changed === undefined ? undefined : `the case ${changed} held other voxels, labels or another grid`;
}

function measurementDiffers(baseline: ComparedRun, run: ComparedRun): string | undefined {
  if (run.evaluation.tolerance !== baseline.evaluation.tolerance) {
    return `they were measured with tolerances of ${run.evaluation.tolerance} and ${baseline.evaluation.tolerance} mm`;
  }
  if (run.evaluation.edge !== baseline.evaluation.edge) {
    const said = (edge: string | undefined): string => edge ?? "not said (an earlier version)";
    return `they were measured with another edge of the volume, ${said(run.evaluation.edge)} and ${said(baseline.evaluation.edge)}`;
  }
  const settings = [run, baseline].map(({ evaluation }) => settingsText(evaluation.provenance?.settings));
  if (settings[0] !== undefined && settings[1] !== undefined && settings[0] !== settings[1]) {
    return `they were measured with other settings (${settings[0]}; ${settings[1]})`;
  }
  const truths = new Map(baseline.evaluation.cases.map(({ name, classes }) => [name, classes]));
  const changed = run.evaluation.cases.find(({ name, classes }) =>
    classes.some(({ dice }, i) => dice.target !== truths.get(name)?.[i]?.dice.target),
  );
  return changed && `the truth of ${changed.name} had another volume when they were measured`;
}

/** What changes what a model makes of a case; undefined for a measurement of a version that did not write it down. */
const settingsText = (settings: EvaluationSettings | undefined): string | undefined =>
  settings &&
  `${settings.precision}, ${settings.mirror ? "averaged over mirror images" : "not mirrored"}${settings.map.length === 0 ? "" : `, labels ${mapText(settings.map)}`}`;
