import { NoAdapterError } from "./adapter-choice.js";
import { cacheFolder } from "./cache-folder.js";
import { withEnvironment } from "./environment.js";
import { zeroed } from "./null-gpu.js";
import { waitPatiently } from "./patient-polling.js";
import { driverVariables } from "./vulkan-drivers.js";

/** Each object of `create()` made so far: Dawn crashes when one is collected while in use. */
const created: GPU[] = [];

/** Half floats on NVIDIA, cooperative matrices. */
const enabled = ["allow_unsafe_apis", "vulkan_enable_f16_on_nvidia"];
/** Without it timestamps are exact. */
const disabled = ["timestamp_quantization"];

/**
 * Dawn's toggles as its binding for Node takes them.
 * @param wanted names of others that are enabled, or with a "-" before them disabled, separated by commas: the
 * environment variable `LOBULE_DAWN_TOGGLES`, for those who measure what a toggle costs.
 * @throws NoAdapterError where something else stands there.
 */
export function dawnFlags(wanted: string): string[] {
  const names = wanted.split(",").filter((name) => name !== "");
  const odd = names.find((name) => !/^-?[a-z][a-z0-9_]*$/.test(name));
  if (odd !== undefined) {
    throw new NoAdapterError(
      `LOBULE_DAWN_TOGGLES has '${odd}'; it takes names of Dawn's toggles, separated by commas, with a "-" before those to disable.`,
    );
  }
  const on = [...enabled, ...names.filter((name) => !name.startsWith("-"))];
  const off = [...disabled, ...names.filter((name) => name.startsWith("-")).map((name) => name.slice(1))];
  return [`enable-dawn-features=${on.join()}`, `disable-dawn-features=${off.join()}`];
}

const flags = (): string[] => dawnFlags(process.env.LOBULE_DAWN_TOGGLES ?? "");

const importDawn = async () => {
  try {
    const dawn = await import("webgpu");
    Object.assign(globalThis, dawn.globals);
    waitPatiently();
    return dawn;
  } catch (error) {
    throw new NoAdapterError(
      `Dawn, the WebGPU implementation, does not run on this machine (${process.platform} on ${process.arch}); it needs glibc 2.34 on Linux.`,
      { cause: error },
    );
  }
};

/** Of several devices that drivers show, the one that is meant. */
export interface OneDevice {
  /** Part of its name. */
  readonly name?: string;
  /** Variables that are set while it is looked for. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A WebGPU entry with an adapter, if these drivers have one. Without `driverFiles` the platform's own are used. */
export async function openDawn(
  driverFiles?: readonly string[],
  { name, environment: own }: OneDevice = { environment: {} },
): Promise<{ gpu: GPU; info: GPUAdapterInfo } | null> {
  const { create } = await importDawn();
  // Mesa prints a warning when there is no such folder; it only asks for one in which to keep sockets.
  const runtime = process.env.XDG_RUNTIME_DIR || (await cacheFolder());
  const environment = { XDG_RUNTIME_DIR: runtime, ...driverVariables(driverFiles), ...own };
  return withEnvironment(environment, async () => {
    const gpu = create([...flags(), ...(name === undefined ? [] : [`adapter=${name}`])]);
    created.push(gpu);
    const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter === null ? null : { gpu, info: adapter.info };
  });
}

/**
 * WebGPU without hardware: everything is compiled and validated, nothing is computed. For tests of what no adapter at hand
 * can run.
 */
export async function openNullGpu(): Promise<GPU> {
  const { create } = await importDawn();
  const gpu = create(["backend=null", ...flags()]);
  created.push(gpu);
  return zeroed(gpu);
}
