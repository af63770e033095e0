import { type ImageShape, imageSize } from "../contract/kernel.js";
import type { MirrorAxes } from "./mirror.js";

/** out[n, c, y, x] = in[n, c, y or h − 1 − y, x or w − 1 − x] */
export const mirrorReference = (input: ArrayLike<number>, shape: ImageShape, axes: MirrorAxes): Float64Array =>
  Float64Array.from({ length: imageSize(shape) }, (_, index) => {
    const { height, width } = shape;
    const [x, y] = [index % width, Math.floor(index / width) % height];
    const plane = index - y * width - x;
    return input[plane + (axes.y ? height - 1 - y : y) * width + (axes.x ? width - 1 - x : x)] as number;
  });
