import { philox } from "@lobule/kernels-wgsl";

/**
 * What a random number is for, such as `"shuffle", epoch` or `"flip", epoch, sample`: numbers are integers from 0 to
 * 2⁵³ − 1. The same seed and key give the same number, whatever was drawn before and by whom.
 */
export type RandomKey = readonly (number | string)[];

/** The last word of a counter says what the block is for, so that no draw equals a step of a key. */
const role = { draw: 0, number: 1, text: 2 } as const;

const halves = (value: number): readonly [low: number, high: number] => {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`a seed or key of random numbers is an integer from 0 to 2^53 - 1, not ${value}`);
  return [value >>> 0, Math.floor(value / 2 ** 32)];
};

/**
 * A sequence of random 32-bit words. Philox is keyed by the seed; the words of the key are absorbed one after another
 * into 64 bits, which are the upper half of every counter.
 */
class Words {
  readonly #block = new Uint32Array(4);
  readonly #seed: readonly [number, number];
  readonly #state: readonly [number, number];
  #drawn = 0;

  constructor(seed: number, key: RandomKey) {
    this.#seed = halves(seed);
    let low = 0;
    let high = 0;
    const absorb = (word: number, what: number): void => {
      philox(low, high, word, what, ...this.#seed, this.#block);
      [low = 0, high = 0] = this.#block;
    };
    for (const part of key) {
      if (typeof part === "number") {
        const [lower, upper] = halves(part);
        absorb(lower, upper * 4 + role.number);
      } else {
        for (const character of part) absorb(1 + (character.codePointAt(0) ?? 0), role.text);
        absorb(0, role.text);
      }
    }
    this.#state = [low, high];
  }

  next(): number {
    const place = this.#drawn % 4;
    if (place === 0) philox(...this.#state, this.#drawn / 4, role.draw, ...this.#seed, this.#block);
    this.#drawn++;
    return this.#block[place] ?? 0;
  }
}

/** A random integer from 0 to 2³² − 1. Throws RangeError for a seed or key that is negative or no integer. */
export const randomUint32 = (seed: number, ...key: RandomKey): number => new Words(seed, key).next();

/** A random number in [0, 1), a multiple of 2⁻³². Throws as `randomUint32`. */
export const uniform = (seed: number, ...key: RandomKey): number => randomUint32(seed, ...key) * 2 ** -32;

/** Numbers in [0, 1), one at each call; the sequence depends on seed and key alone (at most 2³⁴ numbers). */
export function uniformStream(seed: number, ...key: RandomKey): () => number {
  const words = new Words(seed, key);
  return () => words.next() * 2 ** -32;
}

/**
 * Fills `out` with independent normal numbers of mean 0 and variance 1.
 * Source: Box, Muller 1958, "A note on the generation of random normal deviates".
 */
export function fillNormal(out: Float32Array, seed: number, ...key: RandomKey): void {
  const next = uniformStream(seed, ...key);
  for (let i = 0; i < out.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
}

/** A copy of the items in random order, which depends on seed and key alone. Source: Fisher, Yates; Durstenfeld 1964. */
export function shuffled<Item>(items: readonly Item[], seed: number, ...key: RandomKey): Item[] {
  const next = uniformStream(seed, ...key);
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const chosen = Math.floor(next() * (last + 1));
    [order[last], order[chosen]] = [order[chosen] as Item, order[last] as Item];
  }
  return order;
}
