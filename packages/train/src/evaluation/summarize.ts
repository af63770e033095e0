import {
  type CaseResult,
  type ClassMeasures,
  type DiceReadings,
  diceReadings,
  emptyRules,
  meanOf,
  type Reading,
  type VolumeEdge,
} from "@lobule/metrics";
import type { CaseSource, Provenance } from "./provenance.js";

/** One class over all cases. */
export interface ClassSummary {
  readonly label: number;
  readonly name: string;
  /** Cases whose truth lacks the class, and those of them whose prediction lacks it too. */
  readonly casesWithout: { readonly inTruth: number; readonly inBoth: number };
  readonly dice: DiceReadings;
  /** mm; over the cases that have the class in truth and prediction. */
  readonly hausdorff95: Reading;
  /** Over the cases that have the class in truth or prediction; 0 for those that have it in one only. */
  readonly normalizedSurfaceDistance: Reading;
  /** Cases whose truth reaches an end of the volume that counts as its surface. */
  readonly casesAtEdge: number;
  /** Means over all cases, ml; the percentage over the cases whose truth has the class. */
  readonly volume: {
    readonly truth: Reading;
    readonly prediction: Reading;
    /** Prediction − truth: shows a bias. */
    readonly error: Reading;
    readonly absoluteError: Reading;
    readonly absoluteErrorPercent: Reading;
  };
}

/** A case, and where it is from. */
export interface MeasuredCase extends CaseResult {
  readonly source?: CaseSource;
}

/** All figures of an evaluation, and what they are of; its JSON holds just this. */
export interface EvaluationResult {
  readonly format: "lobule-evaluation";
  readonly version: 1;
  /** Tolerance of the normalized surface distance, mm. */
  readonly tolerance: number;
  /** What the edge of a volume was to regions that reach it. */
  readonly edge: VolumeEdge;
  /** Seed of the bootstrap intervals. */
  readonly seed: number;
  /** What each reading of Dice makes of slices and cases without the class. */
  readonly emptyRules: typeof emptyRules;
  readonly classes: readonly ClassSummary[];
  readonly cases: readonly MeasuredCase[];
  readonly provenance?: Provenance;
}

/**
 * Sums up the cases of an evaluation, class by class.
 * @throws RangeError for no case at all, a name that comes twice, or cases with other classes, another tolerance or edge.
 */
export function summarize(
  cases: readonly MeasuredCase[],
  { seed = 0, provenance }: { readonly seed?: number; readonly provenance?: Provenance } = {},
): EvaluationResult {
  const [first] = cases;
  if (first === undefined) throw new RangeError("summarize: there is no case to evaluate");
  const names = (result: CaseResult): string => result.classes.map(({ name }) => name).join(", ");
  const seen = new Set<string>();
  for (const result of cases) {
    if (seen.has(result.name)) throw new RangeError(`summarize: the case ${result.name} comes twice`);
    seen.add(result.name);
    if (names(result) !== names(first) || result.tolerance !== first.tolerance || result.edge !== first.edge)
      throw new RangeError(
        `summarize: ${result.name} was measured for ${names(result)} at ${result.tolerance} mm, edge ${result.edge}, ` +
          `${first.name} for ${names(first)} at ${first.tolerance} mm, edge ${first.edge}`,
      );
  }
  return {
    format: "lobule-evaluation",
    version: 1,
    tolerance: first.tolerance,
    edge: first.edge,
    seed,
    emptyRules,
    classes: first.classes.map(({ label, name }, i) => {
      const ofCases = cases.flatMap((result) => result.classes[i] ?? []);
      return { label, name, ...summarizeClass(ofCases, seed) };
    }),
    cases,
    ...(provenance === undefined ? {} : { provenance }),
  };
}

function summarizeClass(cases: readonly ClassMeasures[], seed: number): Omit<ClassSummary, "label" | "name"> {
  const over = (figure: (measures: ClassMeasures) => number | null): Reading => meanOf(cases.map(figure));
  const absolute = (value: number | null): number | null => (value === null ? null : Math.abs(value));
  const withoutTruth = cases.filter(({ dice }) => dice.target === 0);
  return {
    casesWithout: {
      inTruth: withoutTruth.length,
      inBoth: withoutTruth.filter(({ dice }) => dice.predicted === 0).length,
    },
    dice: diceReadings(
      cases.map(({ dice }) => dice),
      seed,
    ),
    hausdorff95: over((measures) => measures.hausdorff95),
    normalizedSurfaceDistance: over((measures) => measures.normalizedSurfaceDistance),
    casesAtEdge: cases.filter(({ truthAtEdge }) => truthAtEdge).length,
    volume: {
      truth: over(({ volume }) => volume.truth),
      prediction: over(({ volume }) => volume.prediction),
      error: over(({ volume }) => volume.error),
      absoluteError: over(({ volume }) => absolute(volume.error)),
      absoluteErrorPercent: over(({ volume }) => absolute(volume.errorPercent)),
    },
  };
}
