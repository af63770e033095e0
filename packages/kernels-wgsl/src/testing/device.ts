import { openGpu } from "@lobule/node";
import { isSubgroupOfEight, subgroupPlaces, subgroupPlacesLength } from "../subgroup-places/subgroup-places.js";
import { runKernel } from "./runner.js";

let opened: Promise<GPUDevice> | undefined;

/** The test process's device: every feature that a kernel may use, and the adapter's own limits. */
export function testDevice(): Promise<GPUDevice> {
  opened ??= (async () => {
    const adapter = await (await openGpu()).requestAdapter();
    if (adapter === null) throw new Error("no WebGPU adapter");
    const wanted: GPUFeatureName[] = ["shader-f16", "timestamp-query", "subgroups"];
    const {
      maxStorageBufferBindingSize,
      maxBufferSize,
      maxStorageBuffersPerShaderStage,
      maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize,
    } = adapter.limits;
    return adapter.requestDevice({
      requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxStorageBufferBindingSize,
        maxBufferSize,
        maxStorageBuffersPerShaderStage,
        maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupStorageSize,
      },
    });
  })();
  return opened;
}

let eight: Promise<boolean> | undefined;

/** Whether the `subgroup` variants may run on the test device. */
export function hasSubgroupsOfEight(): Promise<boolean> {
  eight ??= (async () => {
    const device = await testDevice();
    if (!device.features.has("subgroups")) return false;
    const empty = new Uint32Array(subgroupPlacesLength);
    const { places } = await runKernel(device, subgroupPlaces(), { places: empty }, ["places"]);
    return places instanceof Uint32Array && isSubgroupOfEight(places);
  })();
  return eight;
}
