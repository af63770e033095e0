import { copyProbe, type Kernel, multiplyAddProbe } from "@lobule/kernels-wgsl";
import { type Device, PreparedKernel } from "@lobule/tensor";

/** What an adapter can do at most, as measured. */
export interface Roof {
  /** Bytes read and written in a second, by a copy of more than its caches hold. */
  readonly bytesPerSecond: number;
  /** f32 operations in a second, by multiply-adds on registers (two operations each). */
  readonly flopsPerSecond: number;
}

const tries = 7;
/** A try takes so long at least: shorter ones measure the start of work and the pauses of the wait. Milliseconds. */
const least = 50;
/** Runs in a try at most: on a device that has failed, no number of them takes long. */
const most = 4096;

const mebibyte = 2 ** 20;

/**
 * Milliseconds of one run, by the best of several tries.
 * @param run runs so many times and waits once.
 */
export async function shortest(run: (times: number) => Promise<void>, now: () => number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  let [times, counted] = [1, 0];
  while (counted < tries) {
    const started = now();
    await run(times);
    const took = now() - started;
    if (took < least && times < most) times *= 2;
    else {
      best = Math.min(best, took / times);
      counted++;
    }
  }
  return best;
}

/** Measures both roofs; takes a second or two, on a slow software adapter four. @param now milliseconds. */
export async function measureRoof(device: Device, now: () => number): Promise<Roof> {
  const onGpu = device.reduction === "parallel";
  // 64 MiB are too little for a GPU, whose cache may hold as much.
  const { maxBufferSize, maxStorageBufferBindingSize } = device.gpu.limits;
  const bytes = onGpu ? Math.min(512 * mebibyte, maxBufferSize, maxStorageBufferBindingSize) : 64 * mebibyte;
  const copy = copyProbe(4 * Math.floor(bytes / 16));
  // So much that a run takes far longer than its start: 34 GFLOP or 1.
  const arithmetic = multiplyAddProbe(onGpu ? 2 ** 15 : 2 ** 10, 128);
  const [input, output] = [
    device.createBuffer(copy.bytes / 2, "roof input"),
    device.createBuffer(copy.bytes / 2, "roof output"),
  ];
  device.queue.writeBuffer(input, 0, Float32Array.of(0.999, 0.001));
  const milliseconds = async (kernel: Kernel): Promise<number> => {
    const prepared = await PreparedKernel.make(device, kernel, { input, factors: input, output });
    const best = await shortest((times) => prepared.run(times), now);
    prepared.destroy();
    return best;
  };
  const roof = {
    bytesPerSecond: (copy.bytes / (await milliseconds(copy))) * 1000,
    flopsPerSecond: (arithmetic.flops / (await milliseconds(arithmetic))) * 1000,
  };
  for (const buffer of [input, output]) device.destroyBuffer(buffer);
  return roof;
}
