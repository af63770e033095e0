import { uniformStream } from "../random.js";

/** Lattice points along each axis; the field repeats after that many wavelengths. */
const period = 32;

/** A smooth random field of space with values from −1 to 1. */
export type SmoothNoise = (x: number, y: number, z: number) => number;

/**
 * Random fields of one case: random values on a lattice, between them interpolated with the cubic 3t² − 2t³.
 * `noise.field(name, wavelength)` gives a field whose bumps are `wavelength` mm apart; each name has its own.
 */
export class NoiseSource {
  readonly #lattice: Float32Array;
  readonly #seed: number;
  readonly #caseNumber: number;

  constructor(seed: number, caseNumber: number) {
    const next = uniformStream(seed, "phantom lattice", caseNumber);
    this.#lattice = Float32Array.from({ length: period ** 3 }, () => 2 * next() - 1);
    this.#seed = seed;
    this.#caseNumber = caseNumber;
  }

  field(name: string, wavelength: number): SmoothNoise {
    const next = uniformStream(this.#seed, "phantom field", this.#caseNumber, name);
    const [shiftX, shiftY, shiftZ] = [next() * period, next() * period, next() * period];
    const lattice = this.#lattice;
    const mask = period - 1;
    return (x, y, z) => {
      const u = x / wavelength + shiftX;
      const v = y / wavelength + shiftY;
      const w = z / wavelength + shiftZ;
      const i = Math.floor(u);
      const j = Math.floor(v);
      const k = Math.floor(w);
      const fx = ease(u - i);
      const fy = ease(v - j);
      const i0 = i & mask;
      const i1 = (i + 1) & mask;
      const j0 = (j & mask) * period;
      const j1 = ((j + 1) & mask) * period;
      const plane = (slice: number): number => {
        const k0 = (slice & mask) * period * period;
        const near = mix(lattice[k0 + j0 + i0] ?? 0, lattice[k0 + j0 + i1] ?? 0, fx);
        const far = mix(lattice[k0 + j1 + i0] ?? 0, lattice[k0 + j1 + i1] ?? 0, fx);
        return mix(near, far, fy);
      };
      return mix(plane(k), plane(k + 1), ease(w - k));
    };
  }
}

const ease = (t: number): number => t * t * (3 - 2 * t);
const mix = (a: number, b: number, t: number): number => a + (b - a) * t;
