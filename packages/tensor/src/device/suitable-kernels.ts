import { isSubgroupOfEight, type Reduction, subgroupPlaces, subgroupPlacesLength } from "@lobule/kernels-wgsl";
import type { GpuContext } from "./gpu-context.js";
import { PreparedKernel } from "./prepared-kernel.js";

/**
 * Whether an adapter computes on the CPU. Chromium does not call SwiftShader a fallback where it has no other; its
 * architecture, and Mesa's, say it.
 */
export const isSoftware = ({
  isFallbackAdapter,
  architecture,
}: Pick<GPUAdapterInfo, "isFallbackAdapter" | "architecture">): boolean =>
  isFallbackAdapter || architecture === "swiftshader" || architecture === "software";

/** Which kernels suit an adapter, by what it says of itself and, where that is not enough, by a try. */
export async function suitableKernels(device: GpuContext): Promise<Reduction> {
  const { subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  if (!isSoftware(device.adapterInfo)) return "parallel";
  const eight = subgroupMinSize === 8 && subgroupMaxSize === 8 && device.gpu.features.has("subgroups");
  return eight && isSubgroupOfEight(await runSubgroupPlaces(device)) ? "subgroup" : "serial";
}

async function runSubgroupPlaces(device: GpuContext): Promise<Uint32Array> {
  const places = device.createBuffer(4 * subgroupPlacesLength, "places");
  const kernel = await PreparedKernel.make(device, subgroupPlaces(), { places });
  try {
    await kernel.run();
    return new Uint32Array(await device.readBuffer(places, 0, 4 * subgroupPlacesLength));
  } finally {
    kernel.destroy();
    device.destroyBuffer(places);
  }
}
