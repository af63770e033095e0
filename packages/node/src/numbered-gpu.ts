import { NoAdapterError } from "./adapter-choice.js";
import { type VulkanDevice, vulkanDevices } from "./vulkan-devices.js";

/** What lets Dawn see one device alone. */
export interface Isolation {
  readonly manifests: readonly string[];
  /** Part of the device's name, where the drivers show others besides. */
  readonly name?: string;
  /** Variables for the time in which Dawn is opened. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A device with the manifest of the driver that shows it. */
export interface ListedDevice extends VulkanDevice {
  readonly manifest: string;
}

/**
 * The devices of drivers, of one driver after another; undefined where they cannot be listed.
 * @param manifests of the drivers.
 */
export async function listDevices(manifests: readonly string[]): Promise<readonly ListedDevice[] | undefined> {
  const lists = [];
  for (const manifest of manifests) {
    const devices = await vulkanDevices([manifest]);
    if (devices === undefined) return undefined;
    lists.push(devices.map((device) => ({ ...device, manifest })));
  }
  return lists.flat();
}

/**
 * How Dawn is made to open a device and no other: by its driver, where that shows one device; by its name, where no other has
 * it; else by Mesa's device-select layer, which puts the device at a PCI address before all others of any driver.
 * @param beside all devices of its driver.
 * @throws NoAdapterError where it cannot be told from another.
 */
export async function isolate(device: ListedDevice, beside: readonly ListedDevice[]): Promise<Isolation> {
  const manifests = [device.manifest];
  if (beside.length === 1) return { manifests, environment: {} };
  const alike = beside.filter(({ name }) => name.includes(device.name));
  if (alike.length === 1) return { manifests, name: device.name, environment: {} };
  const address = device.pci?.replaceAll(/[:.]/g, "_");
  const environment = { DRI_PRIME: `pci-${address}`, MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE: "1" };
  const [first] = address === undefined ? [] : ((await vulkanDevices(manifests, environment)) ?? []);
  if (first?.uuid === device.uuid) return { manifests, environment };
  throw new NoAdapterError(
    `This machine has ${alike.length} GPUs of the name ${device.name}, which this process cannot tell apart; install Mesa's device-select layer (Debian's mesa-vulkan-drivers), or let each process see one GPU, as Slurm and containers do.`,
  );
}
