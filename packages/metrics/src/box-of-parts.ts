import { Pauses, type PlaneBox } from "@lobule/data";
import { connectedComponents } from "./connected-runs.js";

/**
 * The smallest box that holds the large connected parts of what is marked in a slice; undefined where nothing is. Pixels that share
 * an edge are connected.
 * @param marked 0 for what is not, x fastest, [width · height].
 * @param share how large a part is at least, of the largest one.
 */
export async function boxOfParts(
  marked: Uint8Array,
  [width, height]: readonly [width: number, height: number],
  share: number,
): Promise<PlaneBox | undefined> {
  const isMarked = (value: number): number => (value === 0 ? 0 : 1);
  const { runs, parents, sizes } = await connectedComponents(marked, [width, height, 1], isMarked, 6, new Pauses());
  const least = share * sizes.reduce((most, size) => Math.max(most, size), 0);
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (const [i, root] of parents.entries()) {
    if ((sizes[root] ?? 0) < least) continue;
    const [start = 0, end = 0] = [runs.starts[i], runs.ends[i]];
    const y = Math.floor(start / width);
    left = Math.min(left, start - y * width);
    right = Math.max(right, end - y * width);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y + 1);
  }
  return right === 0 ? undefined : { x: left, y: top, width: right - left, height: bottom - top };
}
