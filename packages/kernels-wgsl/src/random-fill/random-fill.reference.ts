import { philox4x32, unitInterval, type Words4 } from "./philox.js";
import type { Distribution } from "./random-fill.js";

/** Elements 4i … 4i + 3 from philox4x32([i, 0, key₂, key₃], [key₀, key₁]); normal ones by Box and Muller 1958. */
export function randomFillReference(length: number, distribution: Distribution, key: Words4): Float64Array {
  return Float64Array.from({ length }, (_, i) => {
    const words = philox4x32([Math.floor(i / 4), 0, key[2], key[3]], [key[0], key[1]]);
    const uniform = (at: number) => unitInterval(words[at % 4] as number);
    if (distribution.kind === "uniform") return distribution.low + (distribution.high - distribution.low) * uniform(i);
    const first = i - (i % 2);
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(first)));
    const angle = 2 * Math.PI * uniform(first + 1);
    return distribution.mean + distribution.deviation * radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}
