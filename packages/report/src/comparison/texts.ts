import { fixed, missing } from "../page/format.js";
import type { Comparison, Difference, RunSummary } from "./compare-runs.js";
import { readings } from "./readings.js";

/** A difference with its sign. */
export const signed = (value: number | null | undefined, digits: number): string =>
  `${value != null && value >= 0 ? "+" : ""}${fixed(value, digits)}`;

/** The two ends of an interval. */
export const ends = (
  interval: readonly [number, number] | null | undefined,
  write: (value: number) => string,
): string => (interval == null ? missing : `${write(interval[0])} to ${write(interval[1])}`);

export const probability = (p: number | undefined): string =>
  p === undefined ? missing : p < 0.001 ? "<0.001" : fixed(p, 3);

/** Cases in which the run is better, worse and the same, as the reading counts. */
export function outcomes(difference: Difference | null, better: "higher" | "lower"): string {
  const sign = difference?.tests?.sign;
  if (sign === undefined) return missing;
  const [up, down] = better === "higher" ? [sign.positive, sign.negative] : [sign.negative, sign.positive];
  return `${up}/${down}/${sign.zero}`;
}

/** With fewer pairs than this, 2·½ⁿ, the lowest p that either test can give, is above 0.05. */
const fewestPairs = 6;

/** What must be known to read the figures, a sentence or two each. */
export function notesOf({ reading, paired, runs, classes }: Comparison): string[] {
  const { title, rule, better } = readings[reading];
  const differences = classes.flatMap((each) => each.runs.flatMap(({ difference }) => difference ?? []));
  const tests = differences.filter((difference) => difference.tests !== null).length;
  const trained = trainedOf(runs);
  const few = differences.some(({ pairs }) => pairs !== null && pairs < fewestPairs);
  return [
    ...runs.flatMap(({ remarks }) => remarks),
    `${title}; ${better} is better; ${rule}.`,
    paired
      ? "Difference: mean over cases of the run minus the baseline; 95 % percentile bootstrap interval over cases. +/−/=: cases better, worse, the same."
      : "Unpaired: difference of means, with a 95 % percentile bootstrap interval that resamples each run's cases by itself. Runs on other cases or data differ by these too, not by the networks alone.",
    ...(paired
      ? [
          `p: exact sign test and Wilcoxon signed-rank test (exact up to 25 differences without ties, else the normal approximation), two-sided, each Holm-corrected for ${tests === 1 ? "the one test" : `the ${tests} tests`} of its kind. ${trained > 1 ? `Each case enters with its mean over those of a variant's ${trained} runs that were validated on it; how far these runs differ from each other is not in p.` : "They speak of these cases and these trained weights; training again with another seed is not in them."}`,
        ]
      : []),
    ...(few
      ? [
          `With fewer than ${fewestPairs} pairs no test can give a p below 0.05, and a bootstrap interval is too narrow: measure more cases.`,
        ]
      : []),
    "FLOPs and bytes of a training step and the peak on the device are by its plan; ms a step is measured, at the median of the epochs' rates. – is what was not recorded or measured.",
    ...lossNotes(runs),
    ...costNotes(runs),
  ];
}

/** Runs that minimized different things can be compared by what was measured of them, not by their losses. */
function lossNotes(runs: readonly RunSummary[]): string[] {
  const losses = [...new Set(runs.map(({ loss }) => loss))];
  if (losses.length === 1) return [];
  const list = losses.map((loss) => {
    const keys = runs.filter((run) => run.loss === loss).map(({ key }) => key);
    return `${keys.join(", ")}: ${loss}`;
  });
  return [`Trained with different losses (${list.join("; ")}), whose values are not comparable.`];
}

function costNotes(runs: readonly RunSummary[]): string[] {
  const adapters = new Set(
    runs.flatMap(({ cost }) => (cost.adapters.length === 0 ? ["an adapter that was not recorded"] : cost.adapters)),
  );
  const sizes = new Set(runs.map(({ cost }) => cost.slices));
  return [
    ...(sizes.size === 1 ? [] : ["The runs' batches differ, so a step is not the same amount of work."]),
    ...(adapters.size === 1
      ? []
      : [`Steps were measured on different adapters (${[...adapters].join("; ")}): their times are not comparable.`]),
  ];
}

/** How many runs each variant has: more than one with several seeds or folds. */
export const trainedOf = (runs: readonly RunSummary[]): number => runs[0]?.directories.length ?? 1;

export const titled = ({ key, name }: RunSummary): string => `${key} ${name}`;
