import type { Vector3 } from "../volume.js";
import type { Part } from "./draw.js";
import { carve, deform, ellipsoid, intersection, type Shape, smoothUnion } from "./shapes.js";
import type { Patient } from "./torso.js";
import { vesselTree } from "./vessel-tree.js";

/** A right lobe that fills the right side below the diaphragm, and a flat left lobe that reaches across the middle. */
function liverShape(
  { halfWidth, halfDepth, scale: s, noise, pick, abdomen }: Patient,
  pressing: readonly Shape[],
): Shape {
  const right = ellipsoid(
    [0.42 * halfWidth + pick(-5, 5), pick(-6, 6), -72 * s],
    [0.5 * halfWidth * pick(0.92, 1.05), 0.7 * halfDepth * pick(0.92, 1.05), 82 * s * pick(0.9, 1.06)],
  );
  const left = ellipsoid(
    [pick(-8, 12), 0.34 * halfDepth, pick(-62, -50) * s],
    [pick(58, 78) * s, pick(34, 42) * s, pick(42, 52) * s],
  );
  const whole = deform(
    deform(smoothUnion(right, left, 34), noise.field("liver lobes", 75), 9),
    noise.field("liver surface", 28),
    2.5,
  );
  return intersection(
    pressing.reduce((liver, organ) => carve(liver, organ, 0.5), whole),
    abdomen,
  );
}

/** Points at least `depth` mm inside the shape, about evenly spread. */
function pointsWithin(shape: Shape, count: number, depth: number, pick: Patient["pick"]): Vector3[] {
  const points: Vector3[] = [];
  // Even a slender liver fills a tenth of its box.
  for (let tries = 0; points.length < count && tries < 100 * count; tries++) {
    const point: Vector3 = [
      pick(shape.low[0], shape.high[0]),
      pick(shape.low[1], shape.high[1]),
      pick(shape.low[2], shape.high[2]),
    ];
    if (shape.distance(...point) < -depth) points.push(point);
  }
  return points;
}

interface Ball {
  readonly center: Vector3;
  readonly radius: number;
}

/** How many tumors a liver has, and of which diameters, mm; where none are given one large tumor and smaller ones beside it. */
export interface Tumors {
  readonly count: number;
  readonly diameters?: readonly [least: number, most: number];
}

/** Places balls that lie inside the liver and do not touch. */
function tumorPlaces(liver: Shape, { count, diameters }: Tumors, { pick, scale }: Patient): Ball[] {
  const balls: Ball[] = [];
  for (let n = 0; n < count; n++) {
    const [least, most] = diameters ?? (n === 0 ? [40, 58] : [32, 48]);
    const radius = ((diameters === undefined ? scale : 1) * pick(least, most)) / 2;
    const apart = ({ center: [x, y, z], radius: other }: Ball, point: Vector3): boolean =>
      Math.hypot(point[0] - x, point[1] - y, point[2] - z) > radius + other + 8;
    const place = pointsWithin(liver, 60, radius, pick).find((point) => balls.every((ball) => apart(ball, point)));
    if (place !== undefined) balls.push({ center: place, radius });
  }
  return balls;
}

function tumor({ center, radius }: Ball, liver: Shape, density: number, { noise, pick }: Patient, name: string): Part {
  const round: Vector3 = [radius * pick(0.9, 1.1), radius * pick(0.9, 1.1), radius * pick(0.9, 1.1)];
  const shape = intersection(deform(ellipsoid(center, round), noise.field(name, 1.3 * radius), 0.16 * radius), liver);
  const core = density - pick(46, 64);
  const hasRim = pick(0, 1) < 0.25;
  const rim = hasRim ? density + pick(25, 40) : core;
  const thickness = 0.14 * radius;
  const clumps = noise.field(`${name} clumps`, 7);
  return {
    shape,
    tissue: "tumor",
    edge: 2.5,
    density: (depth, x, y, z) => (depth < thickness ? rim : core) + 8 * clumps(x, y, z),
  };
}

export interface Liver {
  /** The liver with its portal and hepatic veins and tumors, in drawing order. */
  readonly parts: readonly Part[];
  /** About the height of its lower and its upper end. */
  readonly bottom: number;
  readonly top: number;
}

/** A liver with tumors; `pressing` are the organs that leave their mark on it. */
export function liverParts(patient: Patient, pressing: readonly Shape[], tumors: Tumors): Liver {
  const { pick, noise, scale: s, spine } = patient;
  const liver = liverShape(patient, pressing);
  const density = pick(102, 116);
  const parenchyma = noise.field("parenchyma", 9);
  const balls = tumorPlaces(liver, tumors, patient);

  const vesselDensity = density + pick(55, 70);
  const tree = (root: Vector3, leaves: number): Part[] =>
    vesselTree(root, pointsWithin(liver, leaves, 7, pick), 2.3 * s, () => pick(0, 1)).map((branch) => ({
      shape: intersection(branch, liver),
      tissue: "vessel",
      density: () => vesselDensity,
    }));
  const heights = pointsWithin(liver, 500, 0, pick).map(([, , z]) => z);
  return {
    bottom: Math.min(...heights),
    top: Math.max(...heights),
    parts: [
      { shape: liver, tissue: "liver", density: (_, x, y, z) => density + 5 * parenchyma(x, y, z) },
      ...tree([24 * s, 8, -92 * s], 26),
      ...tree([26 * s, spine + 44, -14 * s], 16),
      ...balls.map((ball, n) => tumor(ball, liver, density, patient, `tumour ${n}`)),
    ],
  };
}
