import { fillNormal, randomUint32, uniformStream } from "../random.js";
import type { Affine, Grid, Volume } from "../volume.js";
import { type Axes, draw, type Part, type Tissue } from "./draw.js";
import { type Liver, liverParts } from "./liver.js";
import { neighbors } from "./organs.js";
import type { NoiseSource } from "./smooth-noise.js";
import { makePatient, torso } from "./torso.js";

/** Which of the Decathlon's two liver tasks the labels follow: Task03 (liver, cancer) or Task08 (vessel, tumor). */
export type PhantomTask = "liver" | "vessel";

/** What a synthetic case depends on. */
export interface PhantomCaseOptions {
  readonly seed: number;
  /** Number of the case in its folder, from 0. */
  readonly caseNumber: number;
  /** Voxels along x and along y. */
  readonly size: number;
  /** Fewest and most slices. */
  readonly slices: readonly [fewest: number, most: number];
  readonly task: PhantomTask;
  /** Least and greatest diameter of its tumors, mm; about 32 to 58 if not given. */
  readonly tumorDiameters?: readonly [least: number, most: number] | undefined;
  /** Of the scan; 1 by default. */
  readonly channels?: 1 | 2;
}

/** A synthetic case: its scan and its labels, on one grid. */
export interface PhantomCase {
  /** Hounsfield units; of a scan of two channels the first. */
  readonly image: Volume<Int16Array>;
  /** The second channel, where there are two. */
  readonly other?: Volume<Int16Array>;
  readonly label: Volume<Uint8Array>;
}

const tissueCodes: Readonly<Record<Tissue, number>> = { other: 0, liver: 1, vessel: 2, tumor: 3 };

/** Names and values of the labels, as the Decathlon's dataset.json has them; `byTissue` maps tissue codes to values. */
export const phantomLabels: Readonly<
  Record<PhantomTask, { readonly names: readonly string[]; readonly byTissue: readonly number[] }>
> = {
  liver: { names: ["background", "liver", "cancer"], byTissue: [0, 1, 1, 2] },
  vessel: { names: ["background", "Vessel", "Tumour"], byTissue: [0, 0, 1, 2] },
};

/** Direction of x, y, z from one voxel to the next, by turns: RAS, LPS, LAS, RPI. */
const directions = [
  [1, 1, 1],
  [-1, -1, 1],
  [-1, 1, 1],
  [1, -1, -1],
] as const;

/** Every case of a small data set has tumors; from here on one in six has none. */
const firstWithoutTumor = 12;

function tumorCount(seed: number, caseNumber: number): number {
  const next = uniformStream(seed, "phantom tumours", caseNumber);
  if (caseNumber >= firstWithoutTumor && next() < 1 / 6) return 0;
  return 1 + Math.floor(4 * next());
}

const rounded = (value: number): number => Math.round(value * 1000) / 1000;

/** A grid that holds the whole liver and the trunk's whole section, and the position of each voxel in the patient. */
function makeGrid(
  { seed, caseNumber, size, slices: [fewest, most] }: PhantomCaseOptions,
  liver: Liver,
  halfWidth: number,
): Grid & { readonly axes: Axes } {
  const next = uniformStream(seed, "phantom grid", caseNumber);
  const slices = fewest + (randomUint32(seed, "phantom slices", caseNumber) % (most - fewest + 1));
  const inPlane = rounded((2 * halfWidth * (1.04 + 0.08 * next())) / size);
  const top = liver.top + 12 + 12 * next();
  const bottom = liver.bottom - 12 - 12 * next();
  const between = rounded((top - bottom) / slices);
  const spacing = [inPlane, inPlane, between] as const;
  const shape = [size, size, slices] as const;
  const signs = directions[caseNumber % directions.length] ?? directions[0];
  const middle = [0, 0, (top + bottom) / 2] as const;
  const first = (axis: 0 | 1 | 2): number => middle[axis] - (signs[axis] * spacing[axis] * (shape[axis] - 1)) / 2;
  const positions = (axis: 0 | 1 | 2): Float64Array =>
    Float64Array.from({ length: shape[axis] }, (_, index) => first(axis) + signs[axis] * spacing[axis] * index);
  // Scanners count from a place of their own, not from the patient's diaphragm.
  const offset = [rounded(40 * next() - 20), rounded(60 * next() - 130), rounded(-900 * next())] as const;
  const origin = (axis: 0 | 1 | 2): number => rounded(first(axis) + offset[axis]);
  const affine: Affine = [
    [signs[0] * inPlane, 0, 0, origin(0)],
    [0, signs[1] * inPlane, 0, origin(1)],
    [0, 0, signs[2] * between, origin(2)],
  ];
  return { shape, spacing, affine, axes: { x: positions(0), y: positions(1), z: positions(2) } };
}

/** Weight of the two neighbors in the filter that gives noise its grain. */
const grain = 0.45;

/** Filters values along one direction with (g, 1, g). */
function filtered(values: Float32Array, stride: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++)
    result[i] = (values[i] ?? 0) + grain * ((values[i - stride] ?? 0) + (values[i + stride] ?? 0));
  return result;
}

/** Adds what makes a scan of densities: uneven tissue, slow shading, and noise with a grain; and rounds. */
function scan(
  densities: Float32Array,
  { x, y, z }: Axes,
  { size, seed, caseNumber }: PhantomCaseOptions,
  noise: NoiseSource,
  channel = 0,
): Int16Array {
  const texture = noise.field("texture", 10);
  const shading = noise.field("shading", 140);
  // The two filters multiply the variance by (1 + 2g²)².
  const level = (6 + 4 * uniformStream(seed, "phantom noise level", caseNumber)()) / (1 + 2 * grain * grain);
  const image = new Int16Array(densities.length);
  const slice = new Float32Array(size * size);
  z.forEach((height, k) => {
    fillNormal(slice, seed, channel === 0 ? "phantom noise" : `phantom noise ${channel}`, caseNumber, k);
    filtered(filtered(slice, 1), size).forEach((deviation, at) => {
      const [px, py] = [x[at % size] ?? 0, y[Math.floor(at / size)] ?? 0];
      const density = densities[k * size * size + at] ?? 0;
      const uneven = density > -200 ? 5 * texture(px, py, height) + 4 * shading(px, py, height) : 0;
      image[k * size * size + at] = Math.max(Math.round(density + uneven + level * deviation), -1024);
    });
  });
  return image;
}

/** HU of the spots' standard deviation, about the contrast of a tumor, and mm of their size, about that of a tumor. */
const [spotContrast, spotSize] = [45, 16];

/**
 * What two channels show: the first the patient under spots that look like tumors, the second the same spots alone. Only
 * who sees both can tell tumors from spots.
 */
function twoChannels(densities: Float32Array, { x, y, z }: Axes, noise: NoiseSource): [Float32Array, Float32Array] {
  const spots = noise.field("spots", spotSize);
  const [first, second] = [densities.slice(), densities.slice()];
  let i = 0;
  for (const pz of z)
    for (const py of y)
      for (const px of x) {
        const density = densities[i] ?? 0;
        if (density > -200) {
          const spot = spotContrast * spots(px, py, pz);
          first[i] = density + spot;
          second[i] = spot;
        }
        i++;
      }
  return [first, second];
}

/** One synthetic patient: the same options give the same volumes. */
export function phantomCase(options: PhantomCaseOptions): PhantomCase {
  const { seed, caseNumber, task, tumorDiameters: diameters } = options;
  const patient = makePatient(seed, caseNumber);
  const organs = neighbors(patient);
  const liver = liverParts(patient, organs.pressing, {
    count: tumorCount(seed, caseNumber),
    ...(diameters === undefined ? {} : { diameters }),
  });
  const { axes, ...grid } = makeGrid(options, liver, patient.halfWidth);
  const voxels = grid.shape[0] * grid.shape[1] * grid.shape[2];
  const densities = new Float32Array(voxels).fill(-1000);
  const tissues = new Uint8Array(voxels);
  const everything: readonly Part[] = [...torso(patient), ...organs.parts, ...liver.parts];
  for (const part of everything) draw(part, axes, densities, tissues, tissueCodes[part.tissue]);
  const { byTissue } = phantomLabels[task];
  const label = { ...grid, data: tissues.map((code) => byTissue[code] ?? 0) };
  if (options.channels !== 2) return { image: { ...grid, data: scan(densities, axes, options, patient.noise) }, label };
  const [first, second] = twoChannels(densities, axes, patient.noise);
  return {
    image: { ...grid, data: scan(first, axes, options, patient.noise) },
    other: { ...grid, data: scan(second, axes, options, patient.noise, 1) },
    label,
  };
}
