import type { Call } from "../compiler/calls.js";
import type { Program } from "../compiler/program.js";
import type { Device } from "./device.js";
import { PreparedKernel } from "./prepared-kernel.js";

/** Bytes of a buffer that stands for any operand: the longest array of fixed length is 64 KiB. */
const standInBytes = 65_536;

/** Texts that were dispatched on a device. */
const dispatched = new WeakMap<Device, Set<string>>();

/**
 * Compiles the pipelines of programs before these are loaded, so that it happens while something else, such as data, is
 * waited for. A GPU's driver compiles when a pipeline is made, several at once; a software adapter when it is first
 * dispatched: there one workgroup of each runs, on memory that nobody reads.
 * @throws Error with the compiler's message when a text does not compile; DeviceError when the device is lost.
 */
export async function warmUp(device: Device, programs: readonly Program[]): Promise<void> {
  const calls = new Map<string, Call>();
  for (const call of programs.flatMap(({ prologue, calls: every }) => [...prologue, ...every])) {
    if (!calls.has(call.kernel.source)) calls.set(call.kernel.source, call);
  }
  const list = [...calls.values()];
  await Promise.all(list.map(({ label, kernel }) => device.pipelines.get(label, kernel.source)));
  if (device.reduction === "parallel") return;
  const done = dispatched.get(device) ?? new Set();
  dispatched.set(device, done);
  for (const call of list) {
    if (!done.has(call.kernel.source)) await dispatchOnce(device, call);
    done.add(call.kernel.source);
  }
}

/** Runs one workgroup. What a binding lacks is out of bounds: reads give something, writes go nowhere. */
async function dispatchOnce(device: Device, { kernel, operands }: Call): Promise<void> {
  const shared = device.createBuffer(standInBytes, "warm-up");
  const written = operands.filter(({ access }) => access === "read_write");
  const own = written.map(() => device.createBuffer(standInBytes, "warm-up"));
  const buffers = Object.fromEntries(operands.map(({ name }) => [name, shared]));
  written.forEach(({ name }, i) => {
    buffers[name] = own[i] as GPUBuffer;
  });
  const [launch] = kernel.launches;
  const launches = launch === undefined ? [] : [{ ...launch, workgroups: [1, 1, 1] as const }];
  const prepared = await PreparedKernel.make(device, { ...kernel, launches }, buffers);
  try {
    await prepared.run();
  } finally {
    prepared.destroy();
    for (const buffer of [shared, ...own]) device.destroyBuffer(buffer);
  }
}
