import { ceilDivide, foldWorkgroups, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import source from "./mirror.wgsl.js";

/** Which order is reversed: of the columns (x), of the rows (y). */
export interface MirrorAxes {
  readonly x: boolean;
  readonly y: boolean;
}

/** The image mirrored. Slots Input, Output. */
export const mirror = (shape: ImageShape, { x, y }: MirrorAxes): Kernel => ({
  name: "mirror",
  source,
  launches: [
    {
      sizes: { ...shape, flipX: Number(x), flipY: Number(y) },
      workgroups: [...foldWorkgroups(ceilDivide(imageSize(shape), 64)), 1],
    },
  ],
  flops: 0,
  bytes: 8 * imageSize(shape),
});
