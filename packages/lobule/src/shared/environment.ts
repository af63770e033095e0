import { arch, platform } from "node:os";
import type { AdapterChoice } from "@lobule/node";
import type { Device } from "@lobule/tensor";

/** What runs where, for a run's environment.json. */
export const environmentOf = (device: Device, choice: AdapterChoice): Record<string, unknown> => ({
  adapter: { ...choice, vendor: device.adapterInfo.vendor, architecture: device.adapterInfo.architecture },
  features: [...device.gpu.features].sort(),
  node: process.versions.node,
  platform: `${platform()} ${arch()}`,
});
