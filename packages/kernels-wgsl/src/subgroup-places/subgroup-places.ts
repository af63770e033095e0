import type { Kernel } from "../contract/kernel.js";
import source from "./subgroup-places.wgsl.js";

const workgroups = 4;

/** Elements of the result of {@link subgroupPlaces}. */
export const subgroupPlacesLength = workgroups * 64 * 4;

/**
 * Writes to `places` [4 · 64] (vec4u) the subgroup size, the index in the subgroup and the lane of the left neighbor of
 * each invocation. For adapters with the feature `subgroups`.
 */
export const subgroupPlaces = (): Kernel => ({
  name: "subgroup-places",
  source,
  launches: [{ sizes: { length: workgroups * 64 }, workgroups: [workgroups, 1, 1] }],
  flops: 0,
  bytes: 4 * subgroupPlacesLength,
});

/** Whether what {@link subgroupPlaces} wrote is what the `subgroup` kernels rely on: 8 neighbors side by side. */
export function isSubgroupOfEight(places: Uint32Array): boolean {
  for (let index = 0; index < workgroups * 64; index++) {
    const [size, place, neighbor] = places.subarray(4 * index, 4 * index + 3);
    const lane = index % 64;
    const takes = Math.floor(lane / 8) % 2 === Math.floor(index / 64) % 2;
    const expected = takes ? lane - (lane % 8) + ((lane + 7) % 8) : 1000;
    if (size !== 8 || place !== lane % 8 || neighbor !== expected) return false;
  }
  return true;
}
