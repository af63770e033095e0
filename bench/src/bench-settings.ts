/** The benchmarks there are, in the order in which all of them run. */
export const benchmarks = ["kernels", "model", "peers", "volume"] as const;
export type Benchmark = (typeof benchmarks)[number];

/** How large a benchmark is, and how often each thing is timed. */
export interface BenchSettings {
  /** Side of a slice. */
  readonly size: number;
  /** Slices at once. */
  readonly batch: number;
  /** Of the volume. */
  readonly slices: number;
  readonly rounds: number;
}

/**
 * What was given on the command line, and for the rest what an adapter does in a sensible time.
 * @param all whether every benchmark runs: the volume is smaller then on a software adapter.
 */
export function settingsOf(
  benchmark: Benchmark,
  { software, all }: { readonly software: boolean; readonly all: boolean },
  given: { readonly [Name in keyof BenchSettings]: number | undefined },
): BenchSettings {
  const usual =
    benchmark === "volume"
      ? { size: all && software ? 256 : 512, batch: software ? 4 : 16, slices: all && software ? 40 : 150, rounds: 3 }
      : { size: software ? 128 : 512, batch: software ? 4 : 32, slices: 0, rounds: 9 };
  return {
    size: given.size ?? usual.size,
    batch: given.batch ?? usual.batch,
    slices: given.slices ?? usual.slices,
    rounds: given.rounds ?? usual.rounds,
  };
}

/** Base features of the networks of the recipes. */
export const presetFeatures = { liver: 8, vessel: 16 } as const;
