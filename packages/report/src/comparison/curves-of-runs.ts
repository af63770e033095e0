import { meanOf } from "@lobule/metrics";
import type { EpochRecord } from "@lobule/train";
import type { Line } from "../page/line-chart.js";

/** The numbers of all epochs up to the last one that has a record, from 1. */
export const epochsOf = (records: readonly EpochRecord[]): number[] =>
  Array.from({ length: Math.max(0, ...records.map(({ epoch }) => epoch + 1)) }, (_, i) => i + 1);

/** Runs that are drawn as one: seeds or folds. */
export interface RunsOfLine {
  /** What each is called. */
  readonly names: readonly string[];
  /** The epochs of each. */
  readonly metrics: readonly (readonly EpochRecord[])[];
  /** Rising whole numbers. */
  readonly epochs: readonly number[];
  /** What is drawn of an epoch. */
  readonly of: (record: EpochRecord) => number | null;
}

/** The line of a run; of several a thin line each, and their mean where all of them have a value. */
export function linesOfRuns(title: string, style: number, { names, metrics, epochs, of }: RunsOfLine): Line[] {
  const each = metrics.map((records) => {
    const values = new Map(records.map((record) => [record.epoch + 1, of(record)]));
    return epochs.map((epoch) => values.get(epoch) ?? null);
  });
  if (each.length === 1) return each.map((values) => ({ name: title, style, values }));
  return [
    ...each.map((values, k) => ({ name: names[k] ?? title, style, values, thin: true })),
    { name: title, style, values: epochs.map((_, at) => meanAt(each, at)) },
  ];
}

/** The mean of all runs at an epoch; null where one of them has no value. */
function meanAt(each: readonly (readonly (number | null)[])[], at: number): number | null {
  const present = each.flatMap((values) => values[at] ?? []).filter(Number.isFinite);
  return present.length === each.length ? meanOf(present).value : null;
}
