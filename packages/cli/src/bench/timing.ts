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

/** Something that is timed; a call does it once and waits until it is done, or returns milliseconds it measured itself. */
export interface Subject {
  readonly name: string;
  run(): Promise<number | undefined>;
}

export interface Rounds {
  readonly rounds: number;
  /** Milliseconds that a subject's turn lasts at least: what is short is done again, and the mean taken. */
  readonly turn: number;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * Times subjects in turn, so that a slow phase of the machine meets all of them alike. One round before is not counted.
 */
export async function interleaved(subjects: readonly Subject[], { rounds, turn, now }: Rounds): Promise<Timing[]> {
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  const once = async (subject: Subject): Promise<number> => {
    const started = now();
    const measured = await subject.run();
    return measured ?? now() - started;
  };
  for (const subject of subjects) await once(subject);
  for (let round = 0; round < rounds; round++) {
    for (const [subject, list] of times) {
      let [total, runs] = [0, 0];
      do {
        total += await once(subject);
        runs++;
      } while (total < turn);
      list.push(total / runs);
    }
  }
  return [...times].map(([{ name }, list]) => timingOf(name, list));
}

/** What changed against earlier timings, by name. */
export interface Change {
  readonly name: string;
  /** New median over the old. */
  readonly ratio: number;
  /** Whether the spreads lie apart and the new one above: slower beyond noise. */
  readonly slower: boolean;
}

/** What of a timing an earlier file is read for. */
export type EarlierTiming = Pick<Timing, "name" | "milliseconds" | "spread">;

export function changes(before: readonly EarlierTiming[], after: readonly EarlierTiming[]): Change[] {
  return after.flatMap((timing) => {
    const old = before.find(({ name }) => name === timing.name);
    if (old === undefined) return [];
    return [
      {
        name: timing.name,
        ratio: timing.milliseconds / old.milliseconds,
        slower: timing.spread[0] > old.spread[1],
      },
    ];
  });
}
