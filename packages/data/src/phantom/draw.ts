import type { Shape } from "./shapes.js";

/** What a voxel is made of, as far as labels care. */
export type Tissue = "other" | "liver" | "vessel" | "tumor";

/** A solid with its tissue and its radiodensity. */
export interface Part {
  readonly shape: Shape;
  readonly tissue: Tissue;
  /** Hounsfield units at a point that lies `depth` mm below the surface. */
  readonly density: (depth: number, x: number, y: number, z: number) => number;
  /** Width of a blurred edge, mm; one voxel if not given. */
  readonly edge?: number;
}

/** Position of every voxel along each axis, mm. */
export interface Axes {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly z: Float64Array;
}

/** First and last index whose position lies in [low, high]; empty if last < first. Positions rise or fall evenly. */
function range(positions: Float64Array, low: number, high: number): readonly [first: number, last: number] {
  let first = 0;
  let last = positions.length - 1;
  const inside = (index: number): boolean => {
    const position = positions[index] ?? NaN;
    return position >= low && position <= high;
  };
  while (first <= last && !inside(first)) first++;
  while (last >= first && !inside(last)) last--;
  return [first, last];
}

/**
 * Draws a part over what is there. A voxel that the surface crosses gets a mixture by the share that lies inside (the
 * partial volume effect of a scanner); its tissue is that of the part if its center lies inside.
 */
export function draw(
  part: Part,
  { x: xs, y: ys, z: zs }: Axes,
  densities: Float32Array,
  tissues: Uint8Array,
  tissueCode: number,
): void {
  const { shape, density } = part;
  const voxel = Math.abs((xs[1] ?? 1) - (xs[0] ?? 0));
  const edge = Math.max(part.edge ?? 0, voxel);
  const [i0, i1] = range(xs, shape.low[0] - edge, shape.high[0] + edge);
  const [j0, j1] = range(ys, shape.low[1] - edge, shape.high[1] + edge);
  const [k0, k1] = range(zs, shape.low[2] - edge, shape.high[2] + edge);
  for (let k = k0; k <= k1; k++) {
    const z = zs[k] ?? 0;
    for (let j = j0; j <= j1; j++) {
      const y = ys[j] ?? 0;
      const row = xs.length * (j + ys.length * k);
      for (let i = i0; i <= i1; i++) {
        const x = xs[i] ?? 0;
        const distance = shape.distance(x, y, z);
        if (distance >= edge / 2) continue;
        const share = Math.min(0.5 - distance / edge, 1);
        const before = densities[row + i] ?? 0;
        densities[row + i] = before + share * (density(Math.max(-distance, 0), x, y, z) - before);
        if (distance < 0) tissues[row + i] = tissueCode;
      }
    }
  }
}
