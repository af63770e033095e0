import type { Device } from "@lobule/tensor";

/** The adapter that an engine computes with. */
export interface DeviceDescription {
  readonly name: string;
  readonly f16: boolean;
  /** Bytes. */
  readonly largestBuffer: number;
  readonly largestBinding: number;
}

/** What the browser keeps for this page. Bytes. */
export interface StorageDescription {
  readonly used: number;
  readonly quota: number;
  /** Whether the browser has promised not to remove it by itself. */
  readonly persistent: boolean;
}

/** What the browser tells of the adapter; it may hide most. */
export const nameOf = ({ description, device, architecture, vendor }: GPUAdapterInfo): string =>
  [description, [vendor, device === "" ? architecture : device].filter((part) => part !== "").join(" ")].find(
    (name) => name !== "",
  ) ?? "an adapter that the browser does not name";

export function describeDevice(device: Device): DeviceDescription {
  const { limits } = device.gpu;
  return {
    name: nameOf(device.adapterInfo),
    f16: device.hasF16,
    largestBuffer: limits.maxBufferSize,
    largestBinding: limits.maxStorageBufferBindingSize,
  };
}

export async function describeStorage(): Promise<StorageDescription> {
  const { usage = 0, quota = 0 } = await navigator.storage.estimate();
  return { used: usage, quota, persistent: await navigator.storage.persisted() };
}

/** What computes where, for a record of what was computed. */
export const environmentOf = ({ adapterInfo, gpu }: Device): Record<string, unknown> => ({
  adapter: { vendor: adapterInfo.vendor, architecture: adapterInfo.architecture, description: adapterInfo.description },
  features: [...gpu.features].sort(),
  browser: navigator.userAgent,
});
