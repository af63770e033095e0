/** What runs the kernels: a GPU, one of the software adapters, the faster one first, or nothing at all. */
export type AdapterKind = "gpu" | "lavapipe" | "swiftshader" | "software" | "null";

/** One of several GPUs, counted from 0 as `listAdapters` has them. */
export type NumberedGpu = `gpu:${number}`;

/**
 * What a caller, or the environment variable `LOBULE_ADAPTER`, may ask for. `null` is Dawn's backend that computes nothing:
 * it shows how fast all that is around the kernels is.
 */
export type AdapterRequest = "auto" | "gpu" | NumberedGpu | "lavapipe" | "swiftshader" | "null";

const adapterRequests: readonly string[] = [
  "auto",
  "gpu",
  "lavapipe",
  "swiftshader",
  "null",
] satisfies AdapterRequest[];

/** How this process came to its adapter. */
export interface AdapterChoice {
  readonly kind: AdapterKind;
  /** Which of several GPUs it is, where one was asked for by its number. */
  readonly index?: number;
  /** The adapter's own description, e.g. `llvmpipe: Mesa 25.0.7 …`. */
  readonly name: string;
  /** Where the Vulkan loader came from; `platform` where none is needed (macOS, Windows). */
  readonly loader: "system" | "embedded" | "platform";
  /** Vulkan driver manifests that were offered to the loader. */
  readonly driverFiles: readonly string[];
  /** Better adapters that were not used, best first, each with the reason. */
  readonly passedOver: readonly { readonly kind: AdapterKind; readonly why: string }[];
}

/** Thrown when there is no adapter to run on; the message says what to do. */
export class NoAdapterError extends Error {
  override readonly name = "NoAdapterError";
}

/** @throws NoAdapterError when `value` is none of the names that may be asked for. */
export function parseAdapterRequest(value: string): AdapterRequest {
  if (!adapterRequests.includes(value) && !/^gpu:\d+$/.test(value)) {
    throw new NoAdapterError(`LOBULE_ADAPTER is "${value}"; it may be one of ${adapterRequests.join(", ")}, gpu:N.`);
  }
  return value as AdapterRequest;
}

/** The number of the GPU that a request names. */
export const gpuNumber = (request: AdapterRequest): number | undefined => {
  const [, number] = /^gpu:(\d+)$/.exec(request) ?? [];
  return number === undefined ? undefined : Number(number);
};

/** The kind of an adapter, told by what it says of itself. */
export function kindOf(info: Pick<GPUAdapterInfo, "description" | "device" | "isFallbackAdapter">): AdapterKind {
  const text = `${info.description} ${info.device}`;
  if (/llvmpipe/i.test(text)) return "lavapipe";
  if (/swiftshader/i.test(text)) return "swiftshader";
  return info.isFallbackAdapter ? "software" : "gpu";
}
