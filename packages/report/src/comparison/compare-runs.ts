import {
  bootstrapDifference,
  bootstrapInterval,
  holmAdjusted,
  type Interval,
  meanOf,
  quantile,
  type SignTest,
  signTest,
  type WilcoxonTest,
  wilcoxonSignedRank,
} from "@lobule/metrics";
import type { StepCost } from "@lobule/train";
import { requireComparable, requireSameCases } from "./comparability.js";
import { type ComparedRun, namesOf } from "./compared-run.js";
import { type ReadingName, readings } from "./readings.js";

/** What a run takes. What was not recorded or not measured is null. */
export interface RunCost {
  /** A training step by its plan. */
  readonly planned: StepCost | null;
  /** Slices of a step on a full batch. */
  readonly slices: number;
  /** Milliseconds of such a step at the median of the epochs' measured rates, time waiting for data included. */
  readonly stepMilliseconds: number | null;
  /** Epochs that were measured. */
  readonly epochs: number;
  /** What ran it, as far as it was recorded: more than one where runs of a variant were trained on different adapters. */
  readonly adapters: readonly string[];
}

/** A run, or the runs of a variant, in a comparison. */
export interface RunSummary {
  /** A letter for tables and charts: A is the baseline. */
  readonly key: string;
  readonly name: string;
  /** Of each of its runs: one, or as many as there are seeds and folds. */
  readonly directories: readonly string[];
  /** What it was trained to minimize, in words. */
  readonly loss: string;
  /** What makes its figures provisional or stale, sentences. */
  readonly remarks: readonly string[];
  readonly cost: RunCost;
}

/** Two tests of paired differences; `holm` is p, corrected for all tests of its kind in the comparison. */
export interface PairedTests {
  readonly sign: SignTest & { readonly holm: number };
  readonly wilcoxon: WilcoxonTest & { readonly holm: number };
}

/** A run minus the baseline, of one class. */
export interface Difference {
  /** Mean of the differences of cases; unpaired, the difference of means. */
  readonly mean: number | null;
  /** 95 % percentile bootstrap, over cases. */
  readonly interval: Interval | null;
  /** Cases that both have; null where the comparison is unpaired. */
  readonly pairs: number | null;
  /** Null where the comparison is unpaired. */
  readonly tests: PairedTests | null;
}

/** A run's reading of one class. */
export interface RunReading {
  readonly key: string;
  readonly mean: number | null;
  readonly interval: Interval | null;
  /** Cases with a value. */
  readonly n: number;
  /** A value of each case, by its name: of a variant with several runs the mean of those that measured it. */
  readonly cases: Readonly<Record<string, number | null>>;
  /** Mean over the cases of each run: how far seeds (and folds) differ. */
  readonly runMeans: readonly (number | null)[];
  /** Null for the baseline. */
  readonly difference: Difference | null;
}

/** What runs reached for one class. */
export interface ClassComparison {
  readonly label: number;
  readonly name: string;
  /** In the order of the runs. */
  readonly runs: readonly RunReading[];
}

/** All figures of a comparison; comparison.json holds just this. */
export interface Comparison {
  readonly format: "lobule-comparison";
  readonly version: 2;
  readonly reading: ReadingName;
  readonly paired: boolean;
  /** Of the bootstrap intervals. */
  readonly seed: number;
  /** The baseline first. */
  readonly runs: readonly RunSummary[];
  readonly classes: readonly ClassComparison[];
}

/** How runs are compared. */
export interface CompareOptions {
  /** "dice", per-case 3D, by default. */
  readonly reading?: ReadingName;
  /** Case by case; on by default. Off, only means are compared, of whatever cases each run was measured on. */
  readonly paired?: boolean;
  /** How runs on other cases are compared all the same, for the error that refuses them; names the command's option by default. */
  readonly unpairedAdvice?: string;
  /** Of the bootstrap intervals; 0 by default. */
  readonly seed?: number;
}

/** Runs that differ in their seed or fold only. */
export interface ComparedVariant {
  readonly name: string;
  readonly runs: readonly [ComparedRun, ...ComparedRun[]];
}

/**
 * Compares runs with the first of them, class by class.
 * @throws ComparisonError for fewer than two runs, one named twice, other classes, or, paired, other cases or data.
 */
export function compareRuns(runs: readonly ComparedRun[], options: CompareOptions = {}): Comparison {
  const names = namesOf(runs);
  return compareVariants(
    runs.map((run, i): ComparedVariant => ({ name: names[i] ?? "", runs: [run] })),
    options,
  );
}

/**
 * Compares variants with the first of them, class by class. Of several runs of a variant the values of a case are
 * averaged first, so that a case counts once however many seeds there are; the intervals and tests are over cases.
 * @param variants each with as many runs, in the same order of seeds and folds.
 * @throws ComparisonError as compareRuns; runs are matched one by one.
 */
export function compareVariants(
  variants: readonly ComparedVariant[],
  {
    reading = "dice",
    paired = true,
    unpairedAdvice = "--unpaired compares their means",
    seed = 0,
  }: CompareOptions = {},
): Comparison {
  requireComparable(variants.flatMap(({ runs }) => (variants.length > 1 ? runs : [])));
  if (paired) {
    variants[0]?.runs.forEach((_, i) => {
      requireSameCases(
        variants.flatMap(({ runs }) => runs[i] ?? []),
        unpairedAdvice,
      );
    });
  }
  const classes = (variants[0]?.runs[0].evaluation.cases[0]?.classes ?? []).map(
    ({ label, name }, i): ClassComparison => {
      const each = variants.map(({ runs }) => runs.map((run) => valuesOf(run, i, reading)));
      const values = each.map(meanValues);
      const [baseline = {}] = values;
      return {
        label,
        name,
        runs: values.map((cases, at): RunReading => {
          const present = presentOf(cases);
          return {
            key: keyOf(at),
            cases,
            n: present.length,
            mean: meanOf(present).value,
            runMeans: (each[at] ?? []).map((ofRun) => meanOf(presentOf(ofRun)).value),
            interval: bootstrapInterval(present, { seed, purpose: "cases" }),
            difference: at === 0 ? null : (paired ? pairedDifference : unpairedDifference)(cases, baseline, seed),
          };
        }),
      };
    },
  );
  return {
    format: "lobule-comparison",
    version: 2,
    reading,
    paired,
    seed,
    runs: variants.map(({ name, runs: trained }, i) => ({
      key: keyOf(i),
      name,
      directories: trained.map(({ directory }) => directory),
      loss: trained[0].loss,
      remarks: trained.flatMap(({ directory, remarks }) => remarks.map((remark) => `${directory} ${remark}.`)),
      cost: costOf(trained),
    })),
    classes: withHolm(classes),
  };
}

type Values = Readonly<Record<string, number | null>>;

const valuesOf = ({ evaluation }: ComparedRun, at: number, reading: ReadingName): Values =>
  Object.fromEntries(
    evaluation.cases.map(({ name, classes }) => {
      const measures = classes[at];
      return [name, measures === undefined ? null : readings[reading].of(measures)];
    }),
  );

/** Of each case the mean over the runs that have a value. */
function meanValues(runs: readonly Values[]): Values {
  const names = [...new Set(runs.flatMap((values) => Object.keys(values)))];
  return Object.fromEntries(names.map((name) => [name, meanOf(runs.flatMap((values) => values[name] ?? [])).value]));
}

const presentOf = (values: Values): number[] => Object.values(values).filter((value) => value !== null);

/** A, B, …, Z, AA, AB, … */
function keyOf(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : keyOf(Math.floor(index / 26) - 1) + last;
}

/** The tests' corrected p is set by {@link withHolm}, which sees them all. */
function pairedDifference(values: Values, baseline: Values, seed: number): Difference {
  const differences = Object.entries(values).flatMap(([name, value]) => {
    const before = baseline[name];
    return value === null || before == null ? [] : [value - before];
  });
  const [sign, wilcoxon] = [signTest(differences), wilcoxonSignedRank(differences)];
  return {
    mean: meanOf(differences).value,
    interval: bootstrapInterval(differences, { seed, purpose: "differences of cases" }),
    pairs: differences.length,
    tests: { sign: { ...sign, holm: sign.p }, wilcoxon: { ...wilcoxon, holm: wilcoxon.p } },
  };
}

function unpairedDifference(values: Values, baseline: Values, seed: number): Difference {
  const [present, before] = [presentOf(values), presentOf(baseline)];
  const [mean, meanBefore] = [meanOf(present).value, meanOf(before).value];
  return {
    mean: mean === null || meanBefore === null ? null : mean - meanBefore,
    interval: bootstrapDifference(present, before, { seed, purpose: "difference of means" }),
    pairs: null,
    tests: null,
  };
}

/** Corrects p over all classes and runs, for each kind of test by itself. */
function withHolm(classes: readonly ClassComparison[]): ClassComparison[] {
  const tests = classes.flatMap(({ runs }) => runs.flatMap(({ difference }) => difference?.tests ?? []));
  const sign = holmAdjusted(tests.map((each) => each.sign.p));
  const wilcoxon = holmAdjusted(tests.map((each) => each.wilcoxon.p));
  const corrected = new Map(
    tests.map((each, i): [PairedTests, PairedTests] => [
      each,
      {
        sign: { ...each.sign, holm: sign[i] ?? each.sign.p },
        wilcoxon: { ...each.wilcoxon, holm: wilcoxon[i] ?? each.wilcoxon.p },
      },
    ]),
  );
  return classes.map((each) => ({
    ...each,
    runs: each.runs.map((run) => {
      const { difference } = run;
      if (difference === null || difference.tests === null) return run;
      return { ...run, difference: { ...difference, tests: corrected.get(difference.tests) ?? difference.tests } };
    }),
  }));
}

/** Runs of a variant have one plan; their rates are taken together. */
function costOf(runs: ComparedVariant["runs"]): RunCost {
  const [{ workload, batch }] = runs;
  const slices = workload?.step.slices ?? batch;
  const times = runs
    .flatMap(({ metrics }) => metrics)
    .flatMap(({ slicesPerSecond }) => (slicesPerSecond > 0 ? (1000 * slices) / slicesPerSecond : []));
  return {
    planned: workload?.step ?? null,
    slices,
    adapters: [...new Set(runs.flatMap(({ adapter }) => adapter ?? []))],
    stepMilliseconds: times.length === 0 ? null : quantile(Float64Array.from(times).sort(), 0.5),
    epochs: times.length,
  };
}
