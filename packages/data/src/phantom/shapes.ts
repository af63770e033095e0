import type { Vector3 } from "../volume.js";
import type { SmoothNoise } from "./smooth-noise.js";

/**
 * A solid in the patient, in mm along right, anterior, superior.
 * Distances are good near the surface; far from it they only have the right sign.
 */
export interface Shape {
  /** Corners of a box that holds the solid. */
  readonly low: Vector3;
  readonly high: Vector3;
  /** Signed distance to the surface, mm: negative inside. */
  readonly distance: (x: number, y: number, z: number) => number;
}

const grow = ([x, y, z]: Vector3, by: number): Vector3 => [x + by, y + by, z + by];
const each = (a: Vector3, b: Vector3, choose: (a: number, b: number) => number): Vector3 => [
  choose(a[0], b[0]),
  choose(a[1], b[1]),
  choose(a[2], b[2]),
];

/** Source of the distance: Quilez, "Ellipsoid SDF": k₀ (k₀ − 1) / k₁ with k₀ = |p/r| and k₁ = |p/r²|. */
export function ellipsoid([cx, cy, cz]: Vector3, [rx, ry, rz]: Vector3): Shape {
  return {
    low: [cx - rx, cy - ry, cz - rz],
    high: [cx + rx, cy + ry, cz + rz],
    distance: (x, y, z) => {
      const u = (x - cx) / rx;
      const v = (y - cy) / ry;
      const w = (z - cz) / rz;
      const k0 = Math.sqrt(u * u + v * v + w * w);
      const k1 = Math.sqrt((u / rx) ** 2 + (v / ry) ** 2 + (w / rz) ** 2);
      return k1 === 0 ? -Math.min(rx, ry, rz) : (k0 * (k0 - 1)) / k1;
    },
  };
}

/** A straight tube with round ends whose radius changes evenly from start to end. */
export function tube(start: Vector3, end: Vector3, startRadius: number, endRadius: number): Shape {
  const radius = Math.max(startRadius, endRadius);
  const [dx, dy, dz] = [end[0] - start[0], end[1] - start[1], end[2] - start[2]];
  const lengthSquared = dx * dx + dy * dy + dz * dz;
  return {
    low: grow(each(start, end, Math.min), -radius),
    high: grow(each(start, end, Math.max), radius),
    distance: (x, y, z) => {
      const px = x - start[0];
      const py = y - start[1];
      const pz = z - start[2];
      const along = lengthSquared === 0 ? 0 : (px * dx + py * dy + pz * dz) / lengthSquared;
      const t = Math.min(Math.max(along, 0), 1);
      const squared = (px - t * dx) ** 2 + (py - t * dy) ** 2 + (pz - t * dz) ** 2;
      return Math.sqrt(squared) - (startRadius + t * (endRadius - startRadius));
    },
  };
}

/** A cylinder along the body with an elliptic section; it has no ends. */
export function column([cx, cy]: readonly [number, number], [rx, ry]: readonly [number, number]): Shape {
  const section = ellipsoid([cx, cy, 0], [rx, ry, 1]);
  return {
    low: [cx - rx, cy - ry, -Infinity],
    high: [cx + rx, cy + ry, Infinity],
    distance: (x, y) => section.distance(x, y, 0),
  };
}

/** Moves the surface in and out by up to `amplitude` mm. */
export function deform(shape: Shape, noise: SmoothNoise, amplitude: number): Shape {
  return {
    low: grow(shape.low, -amplitude),
    high: grow(shape.high, amplitude),
    distance: (x, y, z) => shape.distance(x, y, z) + amplitude * noise(x, y, z),
  };
}

/** Both solids, with the groove between them filled over about `blend` mm. Source: Quilez, "Smooth minimum". */
export function smoothUnion(a: Shape, b: Shape, blend: number): Shape {
  return {
    low: grow(each(a.low, b.low, Math.min), -blend / 4),
    high: grow(each(a.high, b.high, Math.max), blend / 4),
    distance: (x, y, z) => {
      const da = a.distance(x, y, z);
      const db = b.distance(x, y, z);
      const near = Math.max(blend - Math.abs(da - db), 0) / blend;
      return Math.min(da, db) - (near * near * blend) / 4;
    },
  };
}

export function intersection(a: Shape, b: Shape): Shape {
  return {
    low: each(a.low, b.low, Math.max),
    high: each(a.high, b.high, Math.min),
    distance: (x, y, z) => Math.max(a.distance(x, y, z), b.distance(x, y, z)),
  };
}

/** What of `shape` is at least `gap` mm away from `removed`. */
export function carve(shape: Shape, removed: Shape, gap: number): Shape {
  return {
    ...shape,
    distance: (x, y, z) => Math.max(shape.distance(x, y, z), gap - removed.distance(x, y, z)),
  };
}

/** All points for which `distance` is negative. */
export function halfSpace(distance: Shape["distance"]): Shape {
  return { low: [-Infinity, -Infinity, -Infinity], high: [Infinity, Infinity, Infinity], distance };
}
