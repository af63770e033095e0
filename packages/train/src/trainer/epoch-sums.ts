/** Sums over the slices of an epoch so far by name, each slice weighing the same; lists are by class. */
export type EpochSums = Readonly<Record<string, readonly number[]>>;

/** Adds the means over `slices` slices. Numbered names (`dice0`, `dice1`, …) become a list. */
export function addedTo(
  sums: EpochSums,
  slices: number,
  means: Readonly<Record<string, number>>,
): Record<string, number[]> {
  const result: Record<string, number[]> = Object.fromEntries(
    Object.entries(sums).map(([name, list]) => [name, [...list]]),
  );
  const add = (name: string, index: number, value: number): void => {
    const list = result[name] ?? [];
    list[index] = (list[index] ?? 0) + value;
    result[name] = list;
  };
  add("slices", 0, slices);
  for (const [name, mean] of Object.entries(means)) {
    const [, base = name, index = "0"] = /^(\D+)(\d+)$/.exec(name) ?? [];
    add(base, Number(index), slices * mean);
  }
  return result;
}

/** Means over the slices counted so far; NaN before the first. */
export function meansOf(sums: EpochSums): {
  readonly loss: number;
  readonly crossEntropy: number;
  readonly diceLoss: number;
  readonly dice: number[];
} {
  const slices = sums.slices?.[0] ?? 0;
  const mean = (name: string): number => (sums[name]?.[0] ?? Number.NaN) / slices;
  return {
    loss: mean("loss"),
    crossEntropy: mean("crossEntropy"),
    diceLoss: mean("diceLoss"),
    dice: (sums.dice ?? []).map((sum) => sum / slices),
  };
}
