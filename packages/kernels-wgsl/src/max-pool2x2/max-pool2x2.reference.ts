import type { ImageShape } from "../contract/kernel.js";

/**
 * output[n, c, y, x] = max of input[n, c, 2y … 2y+1, 2x … 2x+1], for y < ⌊h/2⌋, x < ⌊w/2⌋; `winners` are the places in
 * the input of the first maximum of each window in row-major order.
 */
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
        for (const at of [corner + 1, corner + width, corner + width + 1]) {
          if ((input[at] as number) > (input[winner] as number)) winner = at;
        }
        output.push(input[winner] as number);
        winners.push(winner);
      }
    }
  }
  return { output: Float64Array.from(output), winners: Uint32Array.from(winners) };
}
