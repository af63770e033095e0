import { halfBits, halfValue } from "../contract/half.js";
import type { DType } from "../contract/kernel.js";

const ranges = { u32: [0, 2 ** 32 - 1], i32: [-(2 ** 31), 2 ** 31 - 1] } as const;

/** Each value in the type `to`: toward zero and kept in range for integers, to nearest for floats. */
export const convertReference = (values: ArrayLike<number>, to: DType): Float64Array =>
  Float64Array.from(values, (value) => {
    if (to === "f32") return Math.fround(value);
    if (to === "f16") return halfValue(halfBits(value));
    const [low, high] = ranges[to];
    return Math.min(Math.max(Math.trunc(value), low), high);
  });
