import { Pauses, type Vector3, type VoxelArray } from "@lobule/data";
import { type Connectivity, connectedComponents, largestOfObjects } from "./connected-runs.js";

/** Which components of a label map are kept. */
export interface LargestComponentOptions {
  /** Labels to clean; all but the background, 0, by default. Voxels with other labels stay as they are. */
  readonly classes?: readonly number[];
  /** Which voxels are neighbors; 26 by default. */
  readonly connectivity?: Connectivity;
  /** Whether the classes are parts of one object, of which one component is kept; otherwise one of each class. */
  readonly asOne?: boolean;
  /** Ends the work, which takes seconds for a large volume. */
  readonly signal?: AbortSignal;
}

/**
 * A copy of a label map in which only the largest connected component of each class is left; the others become
 * background. Of components of the same size, the one whose first voxel comes first in memory stays.
 *
 * `labels`: x fastest. Besides the copy it needs memory for the runs of equal labels along x, not for the voxels.
 * @throws RangeError when there are more or fewer labels than the shape has voxels.
 */
export async function largestComponent<Labels extends VoxelArray>(
  labels: Labels,
  shape: Vector3,
  { classes, connectivity = 26, asOne = false, signal }: LargestComponentOptions = {},
): Promise<Labels> {
  if (labels.length !== shape[0] * shape[1] * shape[2])
    throw new RangeError(`largestComponent: a volume of ${shape.join("×")} voxels cannot have ${labels.length} labels`);
  const wanted = classes && new Set(classes);
  const objectOf = (label: number): number => (wanted && !wanted.has(label) ? 0 : asOne ? 1 : label);
  const pauses = new Pauses(signal);
  const components = await connectedComponents(labels, shape, objectOf, connectivity, pauses);
  const { runs, parents } = components;
  if (pauses.due) await pauses.take();
  const largest = largestOfObjects(components);
  if (pauses.due) await pauses.take();
  const kept = labels.slice() as Labels;
  parents.forEach((root, i) => {
    if (root !== largest.get(runs.objects[i] ?? 0)) kept.fill(0, runs.starts[i], runs.ends[i]);
  });
  return kept;
}
