import { type ClassMeasures, caseDice, emptyRules } from "@lobule/metrics";

/** What a case says of a class, as far as a comparison can be made of it. */
export type ComparableMeasures = Pick<
  ClassMeasures,
  "label" | "name" | "dice" | "hausdorff95" | "normalizedSurfaceDistance"
>;

interface ReadingKind {
  /** With its unit. */
  readonly title: string;
  /** Which cases are left out, or count how. */
  readonly rule: string;
  readonly better: "higher" | "lower";
  /** Digits after the point when shown. */
  readonly digits: number;
  /** Null where the case has no such figure. */
  readonly of: (measures: ComparableMeasures) => number | null;
}

/** What runs can be compared by: one number for each case and class. */
export const readings = {
  dice: {
    title: "Dice, per-case 3D",
    rule: emptyRules.perCase,
    better: "higher",
    digits: 3,
    of: ({ dice }) => (dice.target === 0 ? null : caseDice(dice)),
  },
  "dice-all": {
    title: "Dice, per-case 3D, all cases",
    rule: emptyRules.perCaseWithEmpty,
    better: "higher",
    digits: 3,
    of: ({ dice }) => caseDice(dice),
  },
  nsd: {
    title: "normalized surface distance",
    rule: "cases with the class in neither truth nor prediction are left out; in one of them only scores 0",
    better: "higher",
    digits: 3,
    of: (measures) => measures.normalizedSurfaceDistance,
  },
  hausdorff95: {
    title: "95 % Hausdorff distance, mm",
    rule: "cases without the class in truth or prediction are left out",
    better: "lower",
    digits: 2,
    of: (measures) => measures.hausdorff95,
  },
} as const satisfies Readonly<Record<string, ReadingKind>>;

/** The name of a reading: a way to turn cases into one number. */
export type ReadingName = keyof typeof readings;

/** All of them, the usual one first. */
export const readingNames = Object.keys(readings) as readonly ReadingName[];

/** What a reading is called where it is chosen or shown, with its unit. */
export const readingTitle = (name: ReadingName): string => readings[name].title;
