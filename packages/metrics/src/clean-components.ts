import { Pauses, type Vector3, type VoxelArray } from "@lobule/data";
import { connectedComponents, largestOfObjects } from "./connected-runs.js";

/** Which connected components of a class stay; neighbors share a face, an edge or a corner. */
export interface ComponentRule {
  /** The class that it is for. */
  readonly label: number;
  /** Whether only the largest stays; of several as large, the one whose first voxel comes first in memory. */
  readonly largest: boolean;
  /** Smaller ones become background; 0 for none. */
  readonly leastVoxels: number;
}

/** A connected component of a class. */
export interface ClassComponent {
  readonly label: number;
  readonly voxels: number;
  /** Those of its voxels that have the label in the truth too. */
  readonly overlap: number;
}

/**
 * A copy of a label map in which components that a rule is against are background.
 * @param labels x fastest.
 * @param rules at most one for each class; classes without one stay as they are.
 * @throws the signal's reason.
 */
export async function cleanComponents<Labels extends VoxelArray>(
  labels: Labels,
  shape: Vector3,
  rules: readonly ComponentRule[],
  signal?: AbortSignal,
): Promise<Labels> {
  const byLabel = new Map(rules.map((rule) => [rule.label, rule]));
  const pauses = new Pauses(signal);
  const objectOf = (label: number): number => (byLabel.has(label) ? label : 0);
  const components = await connectedComponents(labels, shape, objectOf, 26, pauses);
  const { runs, parents, sizes } = components;
  const largest = largestOfObjects(components);
  if (pauses.due) await pauses.take();
  const kept = labels.slice() as Labels;
  parents.forEach((root, i) => {
    const label = runs.objects[i] ?? 0;
    const rule = byLabel.get(label);
    if (rule === undefined) return;
    const stays = (!rule.largest || root === largest.get(label)) && (sizes[root] ?? 0) >= rule.leastVoxels;
    if (!stays) kept.fill(0, runs.starts[i], runs.ends[i]);
  });
  return kept;
}

/**
 * The components of each class but the background, in memory order, as {@link cleanComponents} sees them.
 * @param labels x fastest.
 * @param truth of the same shape.
 * @throws the signal's reason.
 */
export async function classComponents(
  labels: VoxelArray,
  truth: VoxelArray,
  shape: Vector3,
  signal?: AbortSignal,
): Promise<ClassComponent[]> {
  const pauses = new Pauses(signal);
  const { runs, parents, sizes } = await connectedComponents(labels, shape, (label) => label, 26, pauses);
  const overlaps = new Float64Array(parents.length);
  for (const [i, root] of parents.entries()) {
    if (pauses.due) await pauses.take();
    const label = runs.objects[i];
    for (let at = runs.starts[i] ?? 0; at < (runs.ends[i] ?? 0); at++)
      if (truth[at] === label) overlaps[root] = (overlaps[root] ?? 0) + 1;
  }
  return [...sizes.entries()].flatMap(([root, voxels]) =>
    voxels === 0 ? [] : [{ label: runs.objects[root] ?? 0, voxels, overlap: overlaps[root] ?? 0 }],
  );
}
