/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

/** The 64-bit product of two 32-bit words, as its high and low word. */
function multiplyWide(a: number, b: number): [high: number, low: number] {
  const low = Math.imul(a, b) >>> 0;
  const middle = (a & 0xffff) * (b >>> 16) + (((a & 0xffff) * (b & 0xffff)) >>> 16);
  const upper = (a >>> 16) * (b & 0xffff) + (middle % 2 ** 16);
  const high = (a >>> 16) * (b >>> 16) + Math.floor(middle / 2 ** 16) + Math.floor(upper / 2 ** 16);
  return [high >>> 0, low];
}

/**
 * Philox4x32-10: four random 32-bit words for a counter under a key, without any state.
 *
 * Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const [high0, low0] = multiplyWide(0xd2511f53, c0);
    const [high1, low1] = multiplyWide(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** A random word as a number in [0, 1): its upper 24 bits, which f32 holds exactly. */
export const unitInterval = (word: number): number => (word >>> 8) * 2 ** -24;
