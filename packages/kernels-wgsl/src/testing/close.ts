/** Relative L2 distance ‖got − reference‖ / ‖reference‖; the absolute one where the reference is all zero. */
export function relativeL2(got: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (got.length !== reference.length)
    throw new Error(`lengths differ: got ${got.length}, reference ${reference.length}`);
  let distance = 0;
  let norm = 0;
  for (let i = 0; i < reference.length; i++) {
    const expected = reference[i] as number;
    distance += ((got[i] as number) - expected) ** 2;
    norm += expected ** 2;
  }
  return norm === 0 ? Math.sqrt(distance) : Math.sqrt(distance / norm);
}

/** @throws Error naming the worst element with both values when the relative L2 distance is above `tolerance`. */
export function expectClose(
  what: string,
  got: ArrayLike<number>,
  reference: ArrayLike<number>,
  tolerance = 1e-5,
): void {
  const error = relativeL2(got, reference);
  if (error <= tolerance) return; // NaN falls through
  let worst = 0;
  for (let i = 0; i < reference.length; i++) {
    const distance = Math.abs((got[i] as number) - (reference[i] as number));
    if (!(distance <= Math.abs((got[worst] as number) - (reference[worst] as number)))) worst = i;
  }
  throw new Error(
    `${what}: relative L2 error ${error.toExponential(2)} above ${tolerance}; worst at [${worst}]: got ${got[worst]}, expected ${reference[worst]}`,
  );
}

/**
 * Directional derivative of a scalar function of float64 arrays by central differences, along `direction` at `point`:
 * (f(p + h·d) − f(p − h·d)) / 2h.
 */
export function directionalDerivative(
  f: (point: Float64Array) => number,
  point: Float64Array,
  direction: Float64Array,
  step = 1e-5,
): number {
  const shifted = (sign: number) => point.map((value, i) => value + sign * step * (direction[i] as number));
  return (f(shifted(1)) - f(shifted(-1))) / (2 * step);
}

/** Seeded normal-like numbers (sum of uniforms), rounded to f32 so that the reference sees what the kernel sees. */
export function randomArray(length: number, seed: number, scale = 1): Float32Array {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length }, () => (next() + next() + next() + next() - 2) * 1.7 * scale);
}
