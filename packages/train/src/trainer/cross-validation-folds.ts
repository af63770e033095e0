import { balancedFolds, type CachedCase, readDecathlon, SliceCache, type Storage } from "@lobule/data";
import type { TrainingConfig } from "./config-schema.js";
import { chooseCases, type PrepareOptions } from "./prepare-data.js";

/** Labels that a case holds, in words that are the same for cases that hold the same: "1 2". */
export function labelsIn({ labelCounts }: Pick<CachedCase, "labelCounts">): string {
  const labels = labelCounts[0]?.keys() ?? [];
  return [...labels].filter((label) => label > 0 && labelCounts.some((counts) => (counts[label] ?? 0) > 0)).join(" ");
}

/** What the folds of a cross-validation are made of. */
export interface CrossValidationFolds {
  /** Names of the cases that each fold holds out. */
  readonly heldOut: string[][];
  /** Hash of image, labels and grid of every case, by its name. */
  readonly contents: Readonly<Record<string, string>>;
}

/**
 * The cases that each fold of a cross-validation holds out, by the seed of the split. Cases that hold the same classes are
 * spread evenly over the folds, for which every volume is decoded into the slice cache, where the runs find it.
 * @throws DataError when a case cannot be used or there are more folds than cases; ConfigError as a run does.
 */
export async function crossValidationFolds(
  storage: Storage,
  config: TrainingConfig,
  folds: number,
  { cacheDirectory, signal, onDecoded }: Pick<PrepareOptions, "cacheDirectory" | "signal" | "onDecoded">,
): Promise<CrossValidationFolds> {
  const task = await readDecathlon(storage, config.data);
  const { cases } = await chooseCases(storage, task, config, []);
  const seed = config.splitSeed ?? config.seed;
  // What cannot be split is refused before volumes are decoded.
  balancedFolds(
    cases.map(({ name }) => ({ name, kind: "" })),
    folds,
    seed,
  );
  const cache = await SliceCache.open(storage, cases, {
    directory: cacheDirectory,
    classes: task.labels.length,
    channels: task.channels,
    ...(signal === undefined ? {} : { signal }),
    ...(onDecoded === undefined ? {} : { onProgress: onDecoded }),
  });
  try {
    const kinds = cache.cases.map((each) => ({ name: each.name, kind: labelsIn(each) }));
    return { heldOut: balancedFolds(kinds, folds, seed), contents: Object.fromEntries(cache.contentHashes) };
  } finally {
    await cache.close();
  }
}
