/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

/** Upper 32 bits of the product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  const middle = a1 * b0 + ((a0 * b0) >>> 16);
  const upper = a0 * b1 + (middle % 0x10000);
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(upper / 0x10000)) >>> 0;
}

/**
 * Philox4x32-10: writes four random 32-bit words for the counter (c0, c1, c2, c3) under the key (k0, k1) to `out`, without
 * any state or allocation.
 *
 * Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function philox(c0: number, c1: number, c2: number, c3: number, k0: number, k1: number, out: Uint32Array): void {
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = Math.imul(0xcd9e8d57, c2) >>> 0;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0 >>> 0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** The words of `philox` as a value of their own. */
export function philox4x32(counter: Words4, key: readonly [number, number]): Words4 {
  const words = new Uint32Array(4);
  philox(...counter, ...key, words);
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = words;
  return [w0, w1, w2, w3];
}

/** A random word as a number in [0, 1): its upper 24 bits, which f32 holds exactly. */
export const unitInterval = (word: number): number => (word >>> 8) * 2 ** -24;
