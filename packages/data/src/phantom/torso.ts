import { uniformStream } from "../random.js";
import type { Vector3 } from "../volume.js";
import type { Part } from "./draw.js";
import { carve, column, ellipsoid, halfSpace, intersection, type Shape, tube } from "./shapes.js";
import { NoiseSource } from "./smooth-noise.js";

/**
 * What all organs of a patient share. Lengths in mm; the origin lies in the middle of the trunk at the height of the
 * right diaphragm's top.
 */
export interface Patient {
  /** Half of the trunk's width and depth. */
  readonly halfWidth: number;
  readonly halfDepth: number;
  /** Thickness of the fat under the skin and of the muscles under the fat. */
  readonly fat: number;
  readonly muscle: number;
  /** Middle of the vertebral bodies, along y. */
  readonly spine: number;
  /** Size of the organs relative to the average. */
  readonly scale: number;
  readonly noise: NoiseSource;
  /** A random number of [low, high). */
  readonly pick: (low: number, high: number) => number;
  /** The space within the muscles. */
  readonly cavity: Shape;
  /** What of the cavity lies below the diaphragm. */
  readonly abdomen: Shape;
}

/** Signed distance from the skin along the ray from the middle: the trunk is a superellipse of exponent 2.5. */
function skinDistance(halfWidth: number, halfDepth: number): (x: number, y: number) => number {
  return (x, y) => {
    const u = Math.abs(x) / halfWidth;
    const v = Math.abs(y) / halfDepth;
    const f = (u * u * Math.sqrt(u) + v * v * Math.sqrt(v)) ** 0.4;
    return f === 0 ? -halfDepth : Math.sqrt(x * x + y * y) * (1 - 1 / f);
  };
}

/** Height of the diaphragm: two domes, the right one the higher, that end in a recess along the wall. */
function diaphragm(halfWidth: number, halfDepth: number): (x: number, y: number) => number {
  const dome = (x: number, y: number, side: number, top: number): number =>
    top - 50 * (((x - side * 0.42 * halfWidth) / (0.46 * halfWidth)) ** 2 + (y / (0.75 * halfDepth)) ** 2);
  return (x, y) => Math.max(dome(x, y, 1, 0), dome(x, y, -1, -14), -80);
}

const skinThickness = 2;

export function makePatient(seed: number, caseNumber: number): Patient {
  const next = uniformStream(seed, "phantom patient", caseNumber);
  const pick = (low: number, high: number): number => low + (high - low) * next();
  const scale = pick(0.92, 1.08);
  const halfWidth = scale * pick(158, 176);
  const halfDepth = scale * pick(108, 122);
  const fat = pick(10, 22);
  const muscle = pick(13, 17);
  const skin = skinDistance(halfWidth, halfDepth);
  const dome = diaphragm(halfWidth, halfDepth);
  const cavity = halfSpace((x, y) => skin(x, y) + skinThickness + fat + muscle);
  return {
    halfWidth,
    halfDepth,
    fat,
    muscle,
    spine: -halfDepth + skinThickness + fat + 48,
    scale,
    noise: new NoiseSource(seed, caseNumber),
    pick,
    cavity,
    // The diaphragm is not level, so that the distance from it is shorter than the height above it.
    abdomen: halfSpace((x, y, z) => Math.max(cavity.distance(x, y, z), 0.75 * (z + 4 - dome(x, y)))),
  };
}

/** Goes from 0 to 1 where `depth` passes `at`. */
const step = (depth: number, at: number): number => Math.min(Math.max((depth - at) / 3 + 0.5, 0), 1);

/** Skin, fat, the muscles of the wall and the fat between the organs. */
function trunk({ halfWidth, halfDepth, fat, muscle }: Patient): Part {
  const distance = skinDistance(halfWidth, halfDepth);
  return {
    shape: {
      low: [-halfWidth, -halfDepth, -Infinity],
      high: [halfWidth, halfDepth, Infinity],
      distance: (x, y) => distance(x, y),
    },
    tissue: "other",
    density: (depth) =>
      20 -
      125 * step(depth, skinThickness) +
      160 * step(depth, skinThickness + fat) -
      150 * step(depth, skinThickness + fat + muscle),
  };
}

function lungs({ halfWidth, halfDepth, cavity, noise, spine }: Patient): Part[] {
  const dome = diaphragm(halfWidth, halfDepth);
  const vessels = noise.field("lung vessels", 14);
  const above = halfSpace((x, y, z) => 0.75 * (dome(x, y) - z));
  const mediastinum = column([0, (spine + 0.5 * halfDepth) / 2], [36, (0.5 * halfDepth - spine) / 2 + 25]);
  return [
    {
      shape: carve(intersection(cavity, above), mediastinum, 0),
      tissue: "other",
      density: (_, x, y, z) => -850 + 700 * Math.max(vessels(x, y, z) - 0.55, 0),
    },
    {
      shape: ellipsoid([-18, 0.28 * halfDepth, 32], [58, 46, 44]),
      tissue: "other",
      density: (depth) => (depth < 6 ? -60 : 125),
    },
  ];
}

const bone = (cortex: number): Part["density"] => {
  return (depth) => (depth < cortex ? 480 : 210);
};

/** Height of a vertebra with its disc. */
const vertebra = 34;

function spineColumn({ spine, scale, pick, noise }: Patient): Part[] {
  const phase = pick(0, vertebra);
  const marrow = noise.field("marrow", 6);
  const heights = Array.from({ length: 16 }, (_, i) => 120 + phase - i * vertebra);
  const isDisc = (z: number): boolean => (((z - phase) % vertebra) + vertebra) % vertebra < 7;
  const process = (start: Vector3, end: Vector3): Part => ({
    shape: tube(start, end, 5 * scale, 3.5 * scale),
    tissue: "other",
    density: bone(1.5),
  });
  const muscles = [-1, 1].map(
    (side): Part => ({
      shape: column([side * 33, spine - 28], [27, 21]),
      tissue: "other",
      density: () => 58,
    }),
  );
  return [
    ...muscles,
    ...[-1, 1].map(
      (side): Part => ({
        shape: intersection(
          column([side * 38, spine - 2], [17, 21]),
          halfSpace((_x, _y, z) => z + 90),
        ),
        tissue: "other",
        density: () => 60,
      }),
    ),
    ...heights.flatMap((z) => [
      process([0, spine - 34, z], [0, spine - 58, z - 14]),
      ...[-1, 1].map((side) => process([side * 12, spine - 24, z], [side * 40, spine - 30, z])),
    ]),
    { shape: column([0, spine - 26], [15 * scale, 13 * scale]), tissue: "other", density: bone(2) },
    {
      shape: column([0, spine], [23 * scale, 17 * scale]),
      tissue: "other",
      density: (depth, x, y, z) => (isDisc(z) ? 85 : depth < 2.5 ? 430 : 190 + 60 * marrow(x, y, z)),
    },
    { shape: column([0, spine - 24], [10 * scale, 8 * scale]), tissue: "other", density: () => 35 },
  ];
}

/** Twelve pairs of bones that follow the wall and fall toward the front. */
function ribs({ halfWidth, halfDepth, fat, scale, pick }: Patient): Part[] {
  const skin = skinDistance(halfWidth, halfDepth);
  const top = pick(90, 120);
  const pieces = 14;
  const rib = (side: number, height: number, reach: number): Part[] => {
    const point = (piece: number): Vector3 => {
      const angle = 0.45 + (piece / pieces) * reach;
      const [dx, dy] = [side * Math.sin(angle), -Math.cos(angle)];
      // skin(r·d) = r − r₀ along a ray, where r₀ is the radius of the skin.
      const radius = 1000 - skin(1000 * dx, 1000 * dy) - skinThickness - fat - 8;
      return [radius * dx, radius * dy, height - 55 * Math.sin(angle / 2)];
    };
    return Array.from({ length: pieces }, (_, piece) => ({
      shape: tube(point(piece), point(piece + 1), 5 * scale, 5 * scale),
      tissue: "other",
      density: bone(1.8),
    }));
  };
  return Array.from({ length: 10 }, (_, r) => r).flatMap((r) =>
    [-1, 1].flatMap((side) => rib(side, top - 25 * r, r < 7 ? 2.3 : 1.6)),
  );
}

/** The curved table on which the patient lies. */
function table({ halfDepth }: Patient): Part {
  const radius = 420;
  const center = -halfDepth - 6 + radius;
  return {
    shape: {
      low: [-190, -halfDepth - 14, -Infinity],
      high: [190, -halfDepth + 60, Infinity],
      distance: (x, y) => Math.abs(Math.sqrt(x * x + (y - center) ** 2) - radius - 3) - 3,
    },
    tissue: "other",
    density: () => -80,
  };
}

/** Everything but the organs of the abdomen, in drawing order. */
export const torso = (patient: Patient): Part[] => [
  table(patient),
  trunk(patient),
  ...lungs(patient),
  ...spineColumn(patient),
  ...ribs(patient),
];
