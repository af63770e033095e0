import { withEnvironment } from "./environment.js";
import { driverVariables } from "./vulkan-drivers.js";

/** A device that Vulkan shows. */
export interface VulkanDevice {
  readonly name: string;
  /** Whether it is a GPU, and not a driver that computes on the CPU. */
  readonly isGpu: boolean;
  /** Bytes of its own memory. */
  readonly memory: number;
  /** The driver's name for this very device, in hexadecimal: of two identical cards another one. */
  readonly uuid: string;
  /** Where it is, such as `0000:65:00.0`; null where its driver does not tell. */
  readonly pci: string | null;
}

// Layouts and numbers of vulkan_core.h, version 1.1, on machines of 64 bits and lowest byte first.
const structureTypes = { instance: 1, properties: 1_000_059_001, id: 1_000_071_004, pci: 1_000_212_000 } as const;
const apiVersion = (1 << 22) | (1 << 12);
const cpuType = 4;
const deviceLocal = 1;
const sizes = { application: 48, instance: 64, properties: 16 + 824, id: 64, pci: 32, memory: 520 } as const;

/** Calls of the Vulkan loader that is loaded in this process. */
async function vulkanCalls() {
  const { default: koffi } = await import("koffi");
  const library = koffi.load("libvulkan.so.1");
  return {
    address: (memory: Uint8Array): bigint => koffi.address(memory),
    create: library.func("int vkCreateInstance(void *info, void *allocator, void *instance)"),
    destroy: library.func("void vkDestroyInstance(void *instance, void *allocator)"),
    enumerate: library.func("int vkEnumeratePhysicalDevices(void *instance, void *count, void *devices)"),
    properties: library.func("void vkGetPhysicalDeviceProperties2(void *device, void *properties)"),
    memory: library.func("void vkGetPhysicalDeviceMemoryProperties(void *device, void *properties)"),
  };
}
type VulkanCalls = Awaited<ReturnType<typeof vulkanCalls>>;

/**
 * The devices that drivers show, in the loader's order; undefined where the loader cannot be asked, as without koffi.
 * @param manifests of the drivers.
 * @param environment that is set meanwhile.
 */
export async function vulkanDevices(
  manifests: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<readonly VulkanDevice[] | undefined> {
  const calls = await vulkanCalls().catch(() => undefined);
  if (calls === undefined) return undefined;
  return withEnvironment({ ...driverVariables(manifests), ...environment }, async () => listed(calls));
}

/** A structure's memory, with its type in the first field. */
function structure(bytes: number, type?: number): DataView<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(bytes));
  if (type !== undefined) view.setUint32(0, type, true);
  return view;
}
const bytesOf = (view: DataView<ArrayBuffer>): Uint8Array => new Uint8Array(view.buffer);

function listed(calls: VulkanCalls): readonly VulkanDevice[] {
  const application = structure(sizes.application);
  application.setUint32(44, apiVersion, true);
  const info = structure(sizes.instance, structureTypes.instance);
  info.setBigUint64(24, calls.address(bytesOf(application)), true);
  const instance = new BigUint64Array(1);
  // Where no driver has a device, the loader makes no instance.
  if (calls.create(bytesOf(info), null, instance) !== 0) return [];
  try {
    const count = new Uint32Array(1);
    calls.enumerate(instance[0], count, null);
    const devices = new BigUint64Array(count[0] ?? 0);
    if (devices.length === 0 || calls.enumerate(instance[0], count, devices) !== 0) return [];
    return [...devices.subarray(0, count[0])].map((device) => describe(calls, device));
  } finally {
    calls.destroy(instance[0], null);
  }
}

function describe(calls: VulkanCalls, device: bigint): VulkanDevice {
  const pci = structure(sizes.pci, structureTypes.pci);
  // What no driver writes: a domain that there cannot be.
  pci.setUint32(16, 0xffffffff, true);
  const id = structure(sizes.id, structureTypes.id);
  id.setBigUint64(8, calls.address(bytesOf(pci)), true);
  const properties = structure(sizes.properties, structureTypes.properties);
  properties.setBigUint64(8, calls.address(bytesOf(id)), true);
  calls.properties(device, bytesOf(properties));
  const memory = structure(sizes.memory);
  calls.memory(device, bytesOf(memory));
  const name = new TextDecoder().decode(new Uint8Array(properties.buffer, 16 + 20, 256));
  return {
    name: name.slice(0, name.indexOf("\0")),
    isGpu: properties.getUint32(16 + 16, true) !== cpuType,
    memory: memoryOf(memory),
    uuid: Buffer.from(id.buffer, 16, 16).toString("hex"),
    pci: pciOf(pci),
  };
}

/** Sum of the heaps that are the device's own. */
function memoryOf(view: DataView): number {
  const heaps = Math.min(view.getUint32(260, true), 16);
  const own = Array.from({ length: heaps }, (_, i) => 264 + 16 * i).filter(
    (at) => (view.getUint32(at + 8, true) & deviceLocal) !== 0,
  );
  return own.reduce((total, at) => total + Number(view.getBigUint64(at, true)), 0);
}

function pciOf(view: DataView): string | null {
  const [domain = 0, bus = 0, device = 0, part = 0] = [16, 20, 24, 28].map((at) => view.getUint32(at, true));
  // A driver that computes on the CPU leaves what it finds, or zeros.
  if (domain === 0xffffffff || [domain, bus, device, part].every((number) => number === 0)) return null;
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  return `${hex(domain, 4)}:${hex(bus, 2)}:${hex(device, 2)}.${part}`;
}
