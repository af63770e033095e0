import { isSubgroupOfEight, packSizes, subgroupPlaces, subgroupPlacesLength } from "@lobule/kernels-wgsl";
import type { Device } from "./device.js";

/** Which kernels suit an adapter, by what it says of itself and, where that is not enough, by a try. */
export async function suitableKernels(device: Device): Promise<Device["kernels"]> {
  const { isFallbackAdapter, subgroupMinSize, subgroupMaxSize } = device.adapterInfo;
  if (!isFallbackAdapter) return "parallel";
  const eight = subgroupMinSize === 8 && subgroupMaxSize === 8 && device.gpu.features.has("subgroups");
  return eight && isSubgroupOfEight(await runSubgroupPlaces(device)) ? "subgroup" : "serial";
}

async function runSubgroupPlaces(device: Device): Promise<Uint32Array> {
  const { name, source, launches } = subgroupPlaces();
  const { pipeline, layout } = await device.pipelines.get(name, source);
  const sizes = device.createBuffer(16, "sizes");
  const places = device.createBuffer(4 * subgroupPlacesLength, "places");
  try {
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [sizes, places].map((buffer, binding) => ({ binding, resource: { buffer } }));
    pass.setBindGroup(0, device.gpu.createBindGroup({ layout, entries }));
    for (const launch of launches) {
      device.queue.writeBuffer(sizes, 0, packSizes(source, launch.sizes));
      pass.dispatchWorkgroups(...launch.workgroups);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
    return new Uint32Array(await device.readBuffer(places, 0, 4 * subgroupPlacesLength));
  } finally {
    for (const buffer of [sizes, places]) device.destroyBuffer(buffer);
  }
}
