import { openGpu } from "@lobule/node-gpu";

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
    } = adapter.limits;
    return adapter.requestDevice({
      requiredFeatures: wanted.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxStorageBufferBindingSize,
        maxBufferSize,
        maxStorageBuffersPerShaderStage,
        maxComputeInvocationsPerWorkgroup,
      },
    });
  })();
  return opened;
}
