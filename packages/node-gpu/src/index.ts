import { create, globals } from "webgpu";

let instance: GPU | undefined;

/** The process's WebGPU entry (Dawn). Made once: Dawn crashes when the object is collected while in use. */
export async function openGpu(): Promise<GPU> {
  if (instance === undefined) {
    Object.assign(globalThis, globals);
    instance = create([
      "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
      "disable-dawn-features=timestamp_quantization",
    ]);
  }
  return instance;
}
