import type { ImageShape } from "../shared/kernel.js";

/** Maximum of each 2×2 window, and where in the input its first maximum in row-major order lies. */
export function maxPool2x2Reference(
  input: ArrayLike<number>,
  { batch, channels, height, width }: ImageShape,
): { readonly output: Float64Array; readonly winners: Uint32Array } {
  const output: number[] = [];
  const winners: number[] = [];
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let y = 0; y + 1 < height; y += 2) {
      for (let x = 0; x + 1 < width; x += 2) {
        const corner = (plane * height + y) * width + x;
        let winner = corner;
        for (const place of [corner + 1, corner + width, corner + width + 1]) {
          if ((input[place] as number) > (input[winner] as number)) winner = place;
        }
        output.push(input[winner] as number);
        winners.push(winner);
      }
    }
  }
  return { output: Float64Array.from(output), winners: Uint32Array.from(winners) };
}
