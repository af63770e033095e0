import { type PhantomTask, shuffled, uniformStream } from "@lobule/data";

/** What is known of the Decathlon's two liver tasks. */
export interface RealTask {
  /** Labeled cases. */
  readonly cases: number;
  /** Slices of the shortest and of the longest. */
  readonly slices: readonly [fewest: number, most: number];
  /** Cases with so many slices or more are left out by the recipe, and so many are kept. */
  readonly limit: number;
  readonly kept: number;
}

/**
 * Numbers of Task03_Liver and Task08_HepaticVessel. Source: Antonelli et al. 2022, "The Medical Segmentation Decathlon",
 * for the cases and slices; the recipes in packages/train for limits and cases kept.
 */
export const realTasks: Readonly<Record<PhantomTask, RealTask>> = {
  liver: { cases: 131, slices: [74, 987], limit: 300, kept: 54 },
  vessel: { cases: 303, slices: [24, 181], limit: 80, kept: 216 },
};

/** How much more frequent cases near the limit are than the longest ones. */
const skew = 2;

/**
 * How many slices each case of a task has. The real lists are not known here: of as many cases as the real task has, as
 * many lie below the recipe's limit, and the shortest and the longest are the real ones. The others are drawn, evenly below
 * the limit and ever more rarely above it. Of fewer cases the same shares lie on either side.
 * @param cases at least 4, so that both ends have their place.
 */
export function caseDepths(task: PhantomTask, cases: number, seed: number): number[] {
  const { cases: all, slices, limit, kept } = realTasks[task];
  const [fewest, most] = slices;
  const next = uniformStream(seed, "rehearsal depths");
  const below = Math.min(cases - 2, Math.max(2, Math.round((cases * kept) / all)));
  const above = cases - below;
  /** One of each part of equal width, so that no stretch is left out. */
  const drawn = (count: number, place: (share: number) => number): number[] =>
    Array.from({ length: count }, (_, i) => Math.floor(place((i + next()) / count)));
  const kind = drawn(below, (share) => fewest + (limit - fewest) * share);
  const long = drawn(above, (share) => limit + (most + 1 - limit) * share ** skew);
  kind[0] = fewest;
  long[above - 1] = most;
  return shuffled([...kind, ...long], seed, "rehearsal order");
}

/** Slices of the scans without labels: one of the middle, and the longest. */
export function testDepths(task: PhantomTask, cases: number, seed: number): readonly number[] {
  const sorted = caseDepths(task, cases, seed).toSorted((a, b) => a - b);
  return [sorted[Math.floor(cases / 2)] ?? 0, realTasks[task].slices[1]];
}

/**
 * Bytes of a voxel on the disk. Measured at 512²: 1.02 of a scan with its labels, compressed, and 3 of a decoded slice; some
 * more is asked for.
 */
const bytesPerVoxel = { scan: 1.1, decoded: 3.2 } as const;

/** Bytes that a task and its decoded slices take on the disk, about. @param size voxels along x and along y. */
export function taskBytes(task: PhantomTask, cases: number, size: number, seed: number): number {
  const sum = (depths: readonly number[]): number => depths.reduce((total, depth) => total + depth, 0);
  const depths = caseDepths(task, cases, seed);
  const written = sum(depths) + sum(testDepths(task, cases, seed));
  const kept = sum(depths.filter((depth) => depth < realTasks[task].limit));
  return size ** 2 * (written * bytesPerVoxel.scan + kept * bytesPerVoxel.decoded);
}
