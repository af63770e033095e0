import {
  type AdapterChoice,
  type AdapterKind,
  type AdapterRequest,
  gpuNumber,
  kindOf,
  NoAdapterError,
  parseAdapterRequest,
} from "./adapter-choice.js";
import { cacheFolder } from "./cache-folder.js";
import { openDawn, openNullGpu } from "./dawn.js";
import { embeddedSwiftShader } from "./embedded-swiftshader.js";
import { headlessManifests } from "./headless-manifests.js";
import { isolate, type ListedDevice, listDevices } from "./numbered-gpu.js";
import { gpuDevices, systemDrivers } from "./vulkan-drivers.js";
import { loadVulkanLoader } from "./vulkan-loader.js";

interface Opened {
  readonly gpu: GPU;
  readonly choice: AdapterChoice;
}

const kinds = ["gpu", "lavapipe", "swiftshader"] as const;

/** What to do where there is an NVIDIA GPU without its Vulkan: containers get the driver's compute part alone, unless told. */
const graphicsAdvice = (devices: readonly string[]): string =>
  devices.some((path) => path.startsWith("/dev/nvidia"))
    ? "; in a container, start it with the driver's graphics libraries (NVIDIA_DRIVER_CAPABILITIES=all)"
    : "";

/** The driver manifests of each kind to try, one list after another; throws why it is passed over when none is left. */
const driversOf = {
  async *gpu(forced: boolean): AsyncGenerator<readonly string[]> {
    const { gpu } = systemDrivers();
    const devices = gpuDevices();
    if (gpu.length === 0) throw new Error(`no Vulkan driver of a GPU is installed${graphicsAdvice(devices)}`);
    if (!forced && devices.length === 0)
      throw new Error("this machine shows no GPU (no /dev/dri/renderD*, no /dev/nvidia*)");
    yield gpu;
    const headless = await headlessManifests(gpu, await cacheFolder());
    if (headless.length > 0) yield headless;
    throw new Error(`its drivers are installed, but show no GPU to this process${graphicsAdvice(devices)}`);
  },
  async *lavapipe(): AsyncGenerator<readonly string[]> {
    const { lavapipe } = systemDrivers();
    if (lavapipe.length === 0) throw new Error("Mesa's lavapipe is not installed");
    yield lavapipe;
    throw new Error("Dawn refuses the installed one; it needs Mesa 24 or newer");
  },
  async *swiftshader(): AsyncGenerator<readonly string[]> {
    yield [(await embeddedSwiftShader()).manifest];
    throw new Error("Dawn found no adapter in it");
  },
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Loads the machine's Vulkan loader, else the embedded one. */
async function openLoader(): Promise<"system" | "embedded"> {
  if (loadVulkanLoader("libvulkan.so.1")) return "system";
  if (loadVulkanLoader((await embeddedSwiftShader()).loader)) return "embedded";
  throw new Error("neither the machine's Vulkan loader nor the embedded one could be loaded");
}

async function openVulkan(request: AdapterRequest): Promise<Opened> {
  const passedOver: { kind: AdapterKind; why: string }[] = [];
  for (const kind of kinds) {
    if (request !== "auto" && request !== kind) continue;
    try {
      for await (const driverFiles of driversOf[kind](request !== "auto")) {
        const loader = await openLoader();
        const opened = await openDawn(driverFiles);
        // A GPU's driver may itself be a software one, in a virtual machine for example.
        if (opened === null || (kind === "gpu") !== (kindOf(opened.info) === "gpu")) continue;
        const { gpu, info } = opened;
        return { gpu, choice: { kind: kindOf(info), name: info.description, loader, driverFiles, passedOver } };
      }
    } catch (error) {
      if (error instanceof NoAdapterError) throw error;
      passedOver.push({ kind, why: messageOf(error) });
    }
  }
  const reasons = passedOver.map(({ kind, why }) => `${kind}: ${why}`).join("; ");
  throw new NoAdapterError(
    request === "auto"
      ? `No WebGPU adapter was found: install a Vulkan driver, for example Debian's mesa-vulkan-drivers of Mesa 24 or newer (${reasons}).`
      : `The adapter that was asked for cannot be used (${reasons}); leave --device and LOBULE_ADAPTER out to take the best there is; --verbose shows what its driver prints.`,
  );
}

/** The machine's GPUs in the order of their numbers; undefined where they cannot be listed. */
async function listGpus(): Promise<readonly ListedDevice[] | undefined> {
  await openLoader();
  const { gpu: manifests } = systemDrivers();
  for (const tried of [manifests, await headlessManifests(manifests, await cacheFolder())]) {
    const devices = await listDevices(tried);
    if (devices === undefined) return undefined;
    const gpus = devices.filter(({ isGpu }) => isGpu);
    if (gpus.length > 0) return gpus;
  }
  return [];
}

async function openNumbered(index: number): Promise<Opened> {
  if (process.platform !== "linux") {
    throw new NoAdapterError(`GPUs have numbers on Linux only, and gpu:${index} was asked for; ask for gpu.`);
  }
  const gpus = await listGpus();
  if (gpus === undefined) {
    throw new NoAdapterError(`gpu:${index} was asked for, and without the package koffi GPUs cannot be told apart.`);
  }
  const device = gpus[index];
  if (device === undefined) {
    const names = gpus.map(({ name }, i) => `gpu:${i} ${name}`).join(", ");
    throw new NoAdapterError(
      `There is no gpu:${index}: this machine shows ${gpus.length === 0 ? "no GPU" : names}; \`lobule doctor\` lists its adapters.`,
    );
  }
  const { manifests, ...one } = await isolate(
    device,
    gpus.filter(({ manifest }) => manifest === device.manifest),
  );
  const opened = await openDawn(manifests, one);
  if (opened === null || kindOf(opened.info) !== "gpu") {
    throw new NoAdapterError(`gpu:${index}, ${device.name}, cannot be used; --verbose shows what its driver prints.`);
  }
  const name = opened.info.description;
  const choice = { kind: "gpu", index, name, loader: "system", driverFiles: manifests, passedOver: [] } as const;
  return { gpu: opened.gpu, choice };
}

/** An adapter of this machine. */
export interface MachineAdapter {
  /** What asks for it. */
  readonly request: AdapterRequest;
  readonly name: string;
  /** Bytes of its own memory. */
  readonly memory: number;
  /** Where it is, such as `0000:65:00.0`; null where its driver does not tell. */
  readonly pci: string | null;
}

/** All adapters of this machine, best first; empty where they cannot be listed, as without koffi and on other systems than Linux. */
export async function listAdapters(): Promise<readonly MachineAdapter[]> {
  if (process.platform !== "linux") return [];
  const shown = ({ name, memory, pci }: ListedDevice, request: AdapterRequest): MachineAdapter => ({
    request,
    name,
    memory,
    pci,
  });
  const gpus = (await listGpus()) ?? [];
  const software = {
    lavapipe: systemDrivers().lavapipe,
    swiftshader: await embeddedSwiftShader().then(
      ({ manifest }) => [manifest],
      () => [],
    ),
  };
  const others = [];
  for (const kind of ["lavapipe", "swiftshader"] as const) {
    others.push(...((await listDevices(software[kind])) ?? []).map((device) => shown(device, kind)));
  }
  return [...gpus.map((device, i) => shown(device, `gpu:${i}`)), ...others];
}

/** macOS and Windows have their own way to the GPU, without Vulkan and without an embedded adapter. */
async function openPlatform(request: AdapterRequest): Promise<Opened> {
  const opened = await openDawn();
  const kind = opened === null ? null : kindOf(opened.info);
  if (opened === null || kind === null)
    throw new NoAdapterError("No WebGPU adapter was found: update the GPU's driver.");
  if (request !== "auto" && request !== kind) {
    throw new NoAdapterError(`The adapter "${request}" was asked for; ${process.platform} offers ${kind} only.`);
  }
  const name = opened.info.description || `${opened.info.vendor} ${opened.info.architecture}`;
  return { gpu: opened.gpu, choice: { kind, name, loader: "platform", driverFiles: [], passedOver: [] } };
}

async function openNull(): Promise<Opened> {
  const name = "Dawn's null backend, which computes nothing";
  const choice = { kind: "null", name, loader: "platform", driverFiles: [], passedOver: [] } as const;
  return { gpu: await openNullGpu(), choice };
}

/** The process's entry for a request. */
function openFor(request: AdapterRequest): Promise<Opened> {
  if (request === "null") return openNull();
  const number = gpuNumber(request);
  if (number !== undefined) return openNumbered(number);
  return process.platform === "linux" ? openVulkan(request) : openPlatform(request);
}

let opening: Promise<Opened> | undefined;

/** Opens once a process: Dawn is not made twice, and its adapter does not change. */
async function open(options: OpenGpuOptions): Promise<Opened> {
  const request = options.adapter ?? parseAdapterRequest(process.env.LOBULE_ADAPTER || "auto");
  if (opening === undefined) {
    opening = openFor(request);
    opening.catch(() => {
      opening = undefined;
    });
  }
  const opened = await opening;
  const { kind, index } = opened.choice;
  const isAsked = [kind, `gpu:${index}`, "auto", undefined].includes(options.adapter);
  if (!isAsked) {
    throw new NoAdapterError(`This process already runs on ${kind}; "${options.adapter}" needs a process of its own.`);
  }
  return opened;
}

/** Which WebGPU adapter is taken. */
export interface OpenGpuOptions {
  /** Which adapter to take; without it `LOBULE_ADAPTER`, without that the best there is. */
  readonly adapter?: AdapterRequest;
}

/**
 * The process's WebGPU entry (Dawn), on the best adapter: a GPU, else Mesa's lavapipe, else the SwiftShader that
 * arrives with npm. `requestAdapter()` of the result gives that adapter.
 * @throws NoAdapterError when there is none, or not the one asked for.
 */
export async function openGpu(options: OpenGpuOptions = {}): Promise<GPU> {
  return (await open(options)).gpu;
}

/** Which adapter {@link openGpu} gives in this process, and why none of the better ones. */
export async function adapterChoice(options: OpenGpuOptions = {}): Promise<AdapterChoice> {
  return (await open(options)).choice;
}
