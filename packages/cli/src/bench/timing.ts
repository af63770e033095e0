/** Time of one thing, over several rounds. */
export interface Timing {
  readonly name: string;
  /** Median, milliseconds. */
  readonly milliseconds: number;
  /** First and last decile, milliseconds. */
  readonly spread: readonly [low: number, high: number];
  readonly rounds: number;
}

/** The value below which a share of the sorted values lies; between two of them in proportion. */
function quantile(sorted: readonly number[], share: number): number {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const [a = Number.NaN, b = a] = [sorted[low], sorted[low + 1]];
  return a + (place - low) * (b - a);
}

export function timingOf(name: string, milliseconds: readonly number[]): Timing {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  return {
    name,
    milliseconds: quantile(sorted, 0.5),
    spread: [quantile(sorted, 0.1), quantile(sorted, 0.9)],
    rounds: sorted.length,
  };
}

/** Something that is timed; a call does it once and waits until it is done, or returns milliseconds it measured itself. */
export interface Subject {
  readonly name: string;
  run(): Promise<number | undefined>;
}

/**
 * Times subjects in turn, so that a slow phase of the machine meets all of them alike. One round before is not counted.
 * @param now milliseconds.
 */
export async function interleaved(subjects: readonly Subject[], rounds: number, now: () => number): Promise<Timing[]> {
  const times = new Map<Subject, number[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [subject, list] of times) {
      const started = now();
      const measured = await subject.run();
      if (round > 0) list.push(measured ?? now() - started);
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

export function changes(before: readonly Timing[], after: readonly Timing[]): Change[] {
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
