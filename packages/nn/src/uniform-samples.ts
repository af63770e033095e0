import { philox4x32 } from "@lobule/kernels-wgsl";

/**
 * Numbers of U[0, 1), multiples of 2⁻²⁴, that depend on the seed and the name only: what fills `target` with those from
 * number `first` on, a multiple of 4.
 *
 * Block i of four comes from Philox under the key (seed, seed's upper half) and the counter (i, 0, hash of the name).
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function uniformSamples(seed: number, name: string): (target: Float32Array, first: number) => void {
  const [low, high] = hash(name);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0] as const;
  return (target, first) => {
    for (let i = 0; i < target.length; i += 4) {
      const bits = philox4x32([(first + i) / 4, 0, low, high], key);
      for (let k = 0; k < 4 && i + k < target.length; k++) target[i + k] = ((bits[k] ?? 0) >>> 8) * 2 ** -24;
    }
  };
}

/** 64-bit FNV-1a of the name's UTF-8 bytes, lower and upper half. Source: Fowler, Noll and Vo, RFC 9923. */
function hash(name: string): readonly [low: number, high: number] {
  let value = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(name))
    value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n);
  return [Number(value & 0xffffffffn), Number(value >> 32n)];
}
