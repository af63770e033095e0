/** Units of NIfTI's xyzt_units by their code. Source: nifti1.h, "UNITS OF SPATIAL AND TEMPORAL DIMENSIONS". */
const spaceUnits = ["unknown", "m", "mm", "µm"] as const;
const timeUnits = ["unknown", "s", "ms", "µs", "Hz", "ppm", "rad/s"] as const;

export type SpaceUnit = (typeof spaceUnits)[number];
export type TimeUnit = (typeof timeUnits)[number];

/** Unknown units are taken for millimeters, as every program does. */
export const millimetersPer: Readonly<Record<SpaceUnit, number>> = { unknown: 1, m: 1000, mm: 1, µm: 0.001 };

/** Codes that the standard leaves open count as unknown. */
export const spaceUnitOf = (code: number): SpaceUnit => spaceUnits[code & 7] ?? "unknown";
export const timeUnitOf = (code: number): TimeUnit => timeUnits[(code >> 3) & 7] ?? "unknown";

export const codeOfUnits = ({ space, time }: { space: SpaceUnit; time: TimeUnit }): number =>
  spaceUnits.indexOf(space) + 8 * timeUnits.indexOf(time);
