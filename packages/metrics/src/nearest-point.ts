import type { Pauses } from "@lobule/data";

/** Parts of so many points are searched one after another. */
const leafPoints = 8;

/**
 * Distances to the nearest of a set of points in space, exact whatever the axes of the grid that they come from: a
 * distance transform, axis by axis, is exact only where those are at right angles.
 *
 * A k-d tree without nodes of its own: of the points from `first` to `last` the middle one splits the others along the
 * axis in which they extend furthest. Building it takes time of n·log n and a byte for each point.
 *
 * Source: Bentley 1975, "Multidimensional binary search trees used for associative searching".
 */
export class NearestPoint {
  /** x, y and z of each point; they are put in the tree's order. */
  readonly #points: Float64Array;
  /** The axis along which a point splits. */
  readonly #axes: Uint8Array;

  /** The place that is asked for, and the squared distance to the nearest point so far. */
  #x = 0;
  #y = 0;
  #z = 0;
  #least = 0;

  private constructor(points: Float64Array) {
    this.#points = points;
    this.#axes = new Uint8Array(points.length / 3);
  }

  /** @param points x, y and z of each, which are reordered. */
  static async of(points: Float64Array, pauses: Pauses): Promise<NearestPoint> {
    const tree = new NearestPoint(points);
    const parts: [first: number, last: number][] = [[0, tree.#axes.length - 1]];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      parts.push(...tree.#split(...part));
      if (pauses.due) await pauses.take();
    }
    return tree;
  }

  /** Squared distance to the nearest point; Infinity where there is none. */
  squaredDistance(x: number, y: number, z: number): number {
    [this.#x, this.#y, this.#z] = [x, y, z];
    this.#least = Number.POSITIVE_INFINITY;
    this.#search(0, this.#axes.length - 1, 0, 0, 0);
    return this.#least;
  }

  /** Splits the points from `first` to `last`, where they are many; returns both parts. */
  #split(first: number, last: number): [number, number][] {
    if (last - first < leafPoints) return [];
    const axis = this.#widestAxis(first, last);
    const middle = (first + last) >> 1;
    this.#select(first, last, middle, axis);
    this.#axes[middle] = axis;
    return [
      [first, middle - 1],
      [middle + 1, last],
    ];
  }

  #widestAxis(first: number, last: number): 0 | 1 | 2 {
    const extent = (axis: 0 | 1 | 2): number => {
      let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
      for (let i = 3 * first + axis; i <= 3 * last + axis; i += 3) {
        const value = this.#points[i] as number;
        if (value < low) low = value;
        if (value > high) high = value;
      }
      return high - low;
    };
    const [x, y, z] = [extent(0), extent(1), extent(2)];
    if (x >= y && x >= z) return 0;
    return y >= z ? 1 : 2;
  }

  /** Puts the points in such an order that none before `middle` is greater along the axis, and none behind smaller. */
  #select(first: number, last: number, middle: number, axis: number): void {
    const points = this.#points;
    // Hoare's quickselect; the middle one of three as pivot, since surfaces come in order.
    for (let [low, high] = [first, last]; low < high; ) {
      const pivot = median(
        points[3 * low + axis] as number,
        points[3 * ((low + high) >> 1) + axis] as number,
        points[3 * high + axis] as number,
      );
      let [i, j] = [low, high];
      while (i <= j) {
        while ((points[3 * i + axis] as number) < pivot) i++;
        while ((points[3 * j + axis] as number) > pivot) j--;
        if (i > j) break;
        this.#swap(i++, j--);
      }
      if (middle <= j) high = j;
      else if (middle >= i) low = i;
      else return;
    }
  }

  #swap(a: number, b: number): void {
    const points = this.#points;
    for (let axis = 0; axis < 3; axis++) {
      const value = points[3 * a + axis] as number;
      points[3 * a + axis] = points[3 * b + axis] as number;
      points[3 * b + axis] = value;
    }
  }

  /**
   * Looks at the points from `first` to `last`, which are in a part of space that is so far away along each axis.
   * What cannot be nearer than the nearest so far is spared.
   */
  #search(first: number, last: number, offX: number, offY: number, offZ: number): void {
    if (last - first < leafPoints) {
      for (let i = first; i <= last; i++) this.#look(i);
      return;
    }
    const middle = (first + last) >> 1;
    this.#look(middle);
    const axis = this.#axes[middle] as number;
    const beyond =
      (axis === 0 ? this.#x : axis === 1 ? this.#y : this.#z) - (this.#points[3 * middle + axis] as number);
    // The side that the place is on first: what is found there spares most of the other.
    if (beyond < 0) this.#search(first, middle - 1, offX, offY, offZ);
    else this.#search(middle + 1, last, offX, offY, offZ);
    const [x, y, z] = [axis === 0 ? beyond : offX, axis === 1 ? beyond : offY, axis === 2 ? beyond : offZ];
    if (x * x + y * y + z * z >= this.#least) return;
    if (beyond < 0) this.#search(middle + 1, last, x, y, z);
    else this.#search(first, middle - 1, x, y, z);
  }

  #look(point: number): void {
    const points = this.#points;
    const dx = this.#x - (points[3 * point] as number);
    const dy = this.#y - (points[3 * point + 1] as number);
    const dz = this.#z - (points[3 * point + 2] as number);
    const squared = dx * dx + dy * dy + dz * dz;
    if (squared < this.#least) this.#least = squared;
  }
}

const median = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
