import type { Storage } from "@lobule/data";
import type { Device } from "@lobule/tensor";

/** What the parts of an engine work with; each is opened when it is first asked for. */
export interface Means {
  /** The browser's files. */
  storage(): Promise<Storage>;
  /** @throws NoAdapterError, DeviceError where the browser has no WebGPU or gives no device. */
  device(): Promise<Device>;
}
