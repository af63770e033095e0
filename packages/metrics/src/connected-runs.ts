import type { Pauses, Vector3, VoxelArray } from "@lobule/data";

/** Which voxels are neighbors: those that share a face (6), also an edge (18), also a corner (26). */
export type Connectivity = 6 | 18 | 26;

/** Where a row's earlier neighbors are, and how far along x its voxels reach into them. */
type RowNeighbor = readonly [dy: number, dz: number, reach: 0 | 1];

const rowNeighbors: Readonly<Record<Connectivity, readonly RowNeighbor[]>> = {
  6: [
    [-1, 0, 0],
    [0, -1, 0],
  ],
  18: [
    [-1, 0, 1],
    [-1, -1, 0],
    [0, -1, 1],
    [1, -1, 0],
  ],
  26: [
    [-1, 0, 1],
    [-1, -1, 1],
    [0, -1, 1],
    [1, -1, 1],
  ],
};

/** Runs of equal labels along x, in memory order. */
export interface Runs {
  /** Voxels from starts[i] up to ends[i] are of objects[i]. */
  readonly starts: number[];
  readonly ends: number[];
  readonly objects: number[];
  /** Row r, at y + shape[1]·z, has the runs from rows[r] up to rows[r + 1]. */
  readonly rows: Uint32Array;
}

/** The components of a label map: runs, and of each the first run of the component that it belongs to. */
export interface Components {
  readonly runs: Runs;
  readonly parents: Uint32Array;
  /** Voxels of a component, by its first run; 0 for other runs. */
  readonly sizes: Float64Array;
}

/**
 * Connected components of the objects of a label map, x fastest.
 *
 * Source: runs joined by union-find, He, Chao and Suzuki 2008, "A Run-Based Two-Scan Labeling Algorithm".
 * @param objectOf the object that a label belongs to; 0 is none.
 * @throws the reason of the pauses' signal.
 */
export async function connectedComponents(
  labels: VoxelArray,
  shape: Vector3,
  objectOf: (label: number) => number,
  connectivity: Connectivity,
  pauses: Pauses,
): Promise<Components> {
  const runs = await findRuns(labels, shape, objectOf, pauses);
  const parents = await joinRuns(runs, shape, rowNeighbors[connectivity], pauses);
  if (pauses.due) await pauses.take();
  const sizes = new Float64Array(parents.length);
  parents.forEach((root, i) => {
    sizes[root] = (sizes[root] ?? 0) + (runs.ends[i] ?? 0) - (runs.starts[i] ?? 0);
  });
  return { runs, parents, sizes };
}

/**
 * The largest component of each object, by its first run. Of components of the same size, the one whose first voxel comes
 * first in memory.
 */
export function largestOfObjects({ runs, sizes }: Components): ReadonlyMap<number, number> {
  const largest = new Map<number, number>();
  sizes.forEach((size, root) => {
    const object = runs.objects[root] ?? 0;
    if (size > (sizes[largest.get(object) ?? -1] ?? 0)) largest.set(object, root);
  });
  return largest;
}

/** Runs of the labels that belong to an object; 0 is none. */
async function findRuns(
  labels: VoxelArray,
  [nx, ny, nz]: Vector3,
  objectOf: (label: number) => number,
  pauses: Pauses,
): Promise<Runs> {
  const runs: Runs = { starts: [], ends: [], objects: [], rows: new Uint32Array(ny * nz + 1) };
  for (let row = 0; row < ny * nz; row++) {
    if (pauses.due) await pauses.take();
    let before = 0;
    for (let i = row * nx; i < (row + 1) * nx; i++) {
      const label = labels[i] as number;
      const object = label === 0 ? 0 : objectOf(label);
      if (object !== before) {
        if (before !== 0) runs.ends.push(i);
        if (object !== 0) {
          runs.starts.push(i);
          runs.objects.push(object);
        }
        before = object;
      }
    }
    if (before !== 0) runs.ends.push((row + 1) * nx);
    runs.rows[row + 1] = runs.starts.length;
  }
  return runs;
}

/** The first run of the component that each run belongs to. */
async function joinRuns(
  runs: Runs,
  [nx, ny, nz]: Vector3,
  neighbors: readonly RowNeighbor[],
  pauses: Pauses,
): Promise<Uint32Array> {
  const parents = Uint32Array.from(runs.starts, (_, i) => i);
  const rootOf = (run: number): number => {
    let root = run;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root] as number] as number;
      root = parents[root] as number;
    }
    return root;
  };
  const join = (a: number, b: number): void => {
    const [rootA, rootB] = [rootOf(a), rootOf(b)];
    parents[Math.max(rootA, rootB)] = Math.min(rootA, rootB);
  };
  const joinRows = (row: number, other: number, reach: number): void => {
    const shift = (row - other) * nx;
    const [first = 0, last = 0] = runs.rows.subarray(row, row + 2);
    let [from = 0, end = 0] = runs.rows.subarray(other, other + 2);
    for (let run = first; run < last; run++) {
      const low = (runs.starts[run] as number) - shift - reach;
      const high = (runs.ends[run] as number) - shift + reach;
      while (from < end && (runs.ends[from] as number) <= low) from++;
      for (let near = from; near < end && (runs.starts[near] as number) < high; near++)
        if (runs.objects[near] === runs.objects[run]) join(run, near);
    }
  };
  for (let row = 0; row < ny * nz; row++) {
    if (pauses.due) await pauses.take();
    for (const [dy, dz, reach] of neighbors) {
      const y = (row % ny) + dy;
      const z = Math.floor(row / ny) + dz;
      if (y >= 0 && y < ny && z >= 0 && z < nz) joinRows(row, y + ny * z, reach);
    }
  }
  return parents.map((_, run) => rootOf(run));
}
