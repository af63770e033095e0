/** Thrown where a page has no WebGPU; the message says what to do. */
export class NoAdapterError extends Error {
  override readonly name = "NoAdapterError";
}

/**
 * The browser's WebGPU entry, for `Device.open` of @lobule/tensor, in a page or in a worker.
 * @throws NoAdapterError where there is none, or it offers no adapter.
 */
export async function openGpu(): Promise<GPU> {
  if (navigator.gpu === undefined)
    throw new NoAdapterError(
      "this page has no WebGPU; use a browser that has it, and serve the page by https or from localhost",
    );
  if ((await navigator.gpu.requestAdapter()) === null)
    throw new NoAdapterError("the browser offers no WebGPU adapter; update it and the GPU's driver");
  return navigator.gpu;
}
