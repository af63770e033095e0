import { copyProbe, type Kernel, multiplyAddProbe } from "@lobule/kernels-wgsl";
import { type Device, PreparedKernel } from "@lobule/tensor";

/** What an adapter can do at most, as measured. */
export interface Roof {
  /** Bytes read and written in a second, by a copy of 64 MiB. */
  readonly bytesPerSecond: number;
  /** f32 operations in a second, by multiply-adds on registers (two operations each). */
  readonly flopsPerSecond: number;
}

const tries = 7;
/** A try takes so long at least: shorter ones measure the start of work. Milliseconds. */
const least = 50;

/** The shortest of several runs of a kernel, milliseconds. */
async function shortest(
  device: Device,
  kernel: Kernel,
  buffers: Readonly<Record<string, GPUBuffer>>,
  now: () => number,
) {
  const prepared = await PreparedKernel.make(device, kernel, buffers);
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries; i++) {
    const started = now();
    await prepared.run();
    best = Math.min(best, now() - started);
  }
  prepared.destroy();
  return best;
}

/** Measures both roofs; takes a second or two. @param now milliseconds. */
export async function measureRoof(device: Device, now: () => number): Promise<Roof> {
  const length = 2 ** 24;
  const [input, output] = [
    device.createBuffer(4 * length, "roof input"),
    device.createBuffer(4 * length, "roof output"),
  ];
  const copy = copyProbe(length);
  const copied = await shortest(device, copy, { input, output }, now);
  const workgroups = 4096;
  device.queue.writeBuffer(input, 0, Float32Array.of(0.999, 0.001));
  let arithmetic: { kernel: Kernel; milliseconds: number } | undefined;
  for (let rounds = 8; arithmetic === undefined || arithmetic.milliseconds < least; rounds *= 4) {
    const kernel = multiplyAddProbe(workgroups, rounds);
    arithmetic = { kernel, milliseconds: await shortest(device, kernel, { factors: input, output }, now) };
  }
  for (const buffer of [input, output]) device.destroyBuffer(buffer);
  return {
    bytesPerSecond: (copy.bytes / copied) * 1000,
    flopsPerSecond: (arithmetic.kernel.flops / arithmetic.milliseconds) * 1000,
  };
}
