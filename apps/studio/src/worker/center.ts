import type { Vector3 } from "@lobule/data";

/** The middle of what is labeled on the slice with most of it; undefined where nothing is. */
export function centerOf(labels: Uint8Array, [width, height, depth]: Vector3): Vector3 | undefined {
  const size = width * height;
  let best = { slice: 0, count: 0 };
  for (let slice = 0; slice < depth; slice++) {
    let count = 0;
    for (let i = slice * size; i < (slice + 1) * size; i++) if (labels[i] !== 0) count += 1;
    if (count > best.count) best = { slice, count };
  }
  if (best.count === 0) return undefined;
  let [x, y] = [0, 0];
  for (let i = 0; i < size; i++) {
    if (labels[best.slice * size + i] === 0) continue;
    x += i % width;
    y += Math.floor(i / width);
  }
  return [Math.round(x / best.count), Math.round(y / best.count), best.slice];
}
