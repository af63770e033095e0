import { VariableGroup } from "../graph/variable.js";
import type { Call, Calls } from "./calls.js";

/** Elements of a flat buffer of variables, from `first` to the one before `end`. */
export interface GroupRange {
  readonly group: VariableGroup;
  readonly first: number;
  readonly end: number;
}

/** A part of a run that is queued at once. */
export interface Submission {
  readonly calls: readonly Call[];
  /** What is placed in flat buffers of variables and complete at its end, not before. Of a group, in ascending order. */
  readonly finished: readonly GroupRange[];
}

/** What the calls are cut into. */
export function submissionsOf({ calls, cuts, placements }: Pick<Calls, "calls" | "cuts" | "placements">): Submission[] {
  const ends = [...cuts.map((cut) => calls.indexOf(cut) + 1), calls.length];
  const finished = ends.map((): GroupRange[] => []);
  for (const { arena: group, offset, cut } of placements.values()) {
    if (!(group instanceof VariableGroup)) continue;
    const end = group.offsets.find((each) => each > offset) ?? group.length;
    finished[cut ?? cuts.length]?.push({ group, first: offset, end });
  }
  return ends.map((end, i) => ({ calls: calls.slice(ends[i - 1] ?? 0, end), finished: merged(finished[i] ?? []) }));
}

/** The same elements in as few ranges as can be. */
function merged(ranges: readonly GroupRange[]): GroupRange[] {
  const groups = [...new Set(ranges.map(({ group }) => group))];
  return groups.flatMap((group) => {
    const result: GroupRange[] = [];
    for (const range of ranges.filter((each) => each.group === group).toSorted((a, b) => a.first - b.first)) {
      const before = result.at(-1);
      if (before?.end === range.first) result[result.length - 1] = { ...before, end: range.end };
      else result.push(range);
    }
    return result;
  });
}
