import { ceilDivide, foldWorkgroups, type ImageShape, type Kernel } from "../contract/kernel.js";
import source from "./entropy-map.wgsl.js";

/**
 * Entropy [n, slotPixels], f32, of each slice on its own grid: −Σ p ln p over the bilinearly interpolated probabilities p
 * of a pixel, in nats; 0 outside the network's field. Slot input; bindings fields (see packLabelFields), entropy.
 */
export function entropyMap(shape: ImageShape, slotPixels: number): Kernel {
  const { batch, channels, height, width } = shape;
  return {
    name: "entropy-map",
    source,
    launches: [
      { sizes: { ...shape, slotPixels }, workgroups: [...foldWorkgroups(ceilDivide(batch * slotPixels, 64)), 1] },
    ],
    flops: batch * slotPixels * channels * 9,
    bytes: 4 * batch * (channels * height * width + slotPixels),
  };
}
