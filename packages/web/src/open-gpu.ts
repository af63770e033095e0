import { gpuAdvice, type NoGpu } from "./gpu-advice.js";

/** Thrown where a page has no WebGPU, or no adapter; the message says what to do on its browser and system. */
export class NoAdapterError extends Error {
  override readonly name = "NoAdapterError";
}

/**
 * The browser's WebGPU entry, for `Device.open` of @lobule/tensor, in a page or in a worker.
 * @param options the adapter that will be asked for.
 * @throws NoAdapterError where there is no WebGPU, or it offers no such adapter.
 */
export async function openGpu(options: GPURequestAdapterOptions = {}): Promise<GPU> {
  const { gpu } = navigator;
  if (gpu === undefined) throw noGpu("no WebGPU");
  if ((await gpu.requestAdapter(options)) !== null) return gpu;
  if (options.forceFallbackAdapter === true && (await gpu.requestAdapter()) !== null)
    throw new NoAdapterError("the browser's WebGPU has no fallback adapter; ask for another one");
  throw noGpu("no adapter");
}

const noGpu = (why: NoGpu): NoAdapterError =>
  new NoAdapterError(gpuAdvice(why, navigator.userAgent ?? "", globalThis.isSecureContext !== false));
