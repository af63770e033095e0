/** Time of one thing, over several rounds. */
export interface Timing {
  readonly name: string;
  /** Median, milliseconds. */
  readonly milliseconds: number;
  /** First and last decile, milliseconds. */
  readonly spread: readonly [low: number, high: number];
  readonly rounds: number;
  /** Of every round, in their order; milliseconds. */
  readonly each: readonly number[];
}

/** The value below which a share of the sorted values lies; between two of them in proportion. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const [a = Number.NaN, b = a] = [sorted[low], sorted[low + 1]];
  return a + (place - low) * (b - a);
}

/** Median, first and last decile. */
function middle(values: readonly number[]): { median: number; spread: readonly [low: number, high: number] } {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), spread: [quantile(sorted, 0.1), quantile(sorted, 0.9)] };
}

export function timingOf(name: string, each: readonly number[]): Timing {
  const { median, spread } = middle(each);
  return { name, milliseconds: median, spread, rounds: each.length, each };
}

/** How many times as fast one thing is as another, over the rounds in which both were timed. */
export interface Ratio {
  readonly median: number;
  /** First and last decile. */
  readonly spread: readonly [low: number, high: number];
}

/**
 * The speed of `ours` in times that of `other`, round by round: a slow phase of the machine meets both in the same round
 * and does not count. Both come from the same call of {@link interleaved}.
 */
export const speedRatio = (ours: Timing, other: Timing): Ratio =>
  middle(ours.each.map((milliseconds, round) => (other.each[round] ?? Number.NaN) / milliseconds));

/** Something that is timed. */
export interface Subject {
  readonly name: string;
  /**
   * Does it so many times over and waits once, at the end: where work is queued, waiting each time would be timed too.
   * @returns milliseconds of all, where it measured them itself.
   */
  run(times: number): Promise<number | undefined>;
}

/** Runs that may be queued before they are waited for. */
const mostAtOnce = 200;

export interface Rounds {
  readonly rounds: number;
  /** Milliseconds that a subject's turn lasts at least: what is short is done several times, and the mean taken. */
  readonly turn: number;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * Times subjects in turn, so that a slow phase of the machine meets all of them alike. One round before is not counted.
 */
export async function interleaved(subjects: readonly Subject[], { rounds, turn, now }: Rounds): Promise<Timing[]> {
  const measured = async (subject: Subject, times: number): Promise<number> => {
    const started = now();
    const own = await subject.run(times);
    return own ?? now() - started;
  };
  const plans: { readonly subject: Subject; readonly times: number; readonly each: number[] }[] = [];
  for (const subject of subjects) {
    // The first run of all can be slow; what is short is looked at once more.
    let once = await measured(subject, 1);
    if (once < turn) once = await measured(subject, 1);
    plans.push({ subject, times: Math.max(1, Math.min(Math.ceil(turn / once), mostAtOnce)), each: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { subject, times, each } of plans) each.push((await measured(subject, times)) / times);
  }
  return plans.map(({ subject: { name }, each }) => timingOf(name, each));
}

/** What changed against earlier timings, by name. */
export interface Change {
  readonly name: string;
  /** New median over the old. */
  readonly ratio: number;
  /** Whether the spreads lie apart, the new one above, by more than {@link sameTime}: slower beyond noise. */
  readonly slower: boolean;
}

/** Two processes differ so much however often each is timed. */
const sameTime = 1.03;

/** What of a timing an earlier file is read for. */
export type EarlierTiming = Pick<Timing, "name" | "milliseconds" | "spread">;

export function changes(before: readonly EarlierTiming[], after: readonly EarlierTiming[]): Change[] {
  return after.flatMap((timing) => {
    const old = before.find(({ name }) => name === timing.name);
    if (old === undefined) return [];
    const ratio = timing.milliseconds / old.milliseconds;
    return [{ name: timing.name, ratio, slower: timing.spread[0] > old.spread[1] && ratio > sameTime }];
  });
}
