import {
  type AdapterChoice,
  type AdapterKind,
  type AdapterRequest,
  kindOf,
  NoAdapterError,
  parseAdapterRequest,
} from "./adapter-choice.js";
import { cacheFolder } from "./cache-folder.js";
import { openDawn, openNullGpu } from "./dawn.js";
import { embeddedSwiftShader } from "./embedded-swiftshader.js";
import { headlessManifests } from "./headless-manifests.js";
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
  if (options.adapter !== undefined && options.adapter !== "auto" && options.adapter !== opened.choice.kind) {
    throw new NoAdapterError(
      `This process already runs on ${opened.choice.kind}; "${options.adapter}" needs a process of its own.`,
    );
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
