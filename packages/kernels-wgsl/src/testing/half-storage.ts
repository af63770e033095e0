import { fromHalf, toHalf } from "../contract/half.js";
import type { Kernel } from "../contract/kernel.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { expectClose } from "./close.js";
import { type HostArray, runKernel } from "./runner.js";

/**
 * Checks a kernel with f16 storage against the same one with f32 storage on inputs that f16 holds exactly: each result
 * may differ by one rounding, 2⁻¹¹ of its size.
 */
export async function checkAgainstFullStorage(
  device: GPUDevice,
  what: string,
  kernel: Kernel,
  {
    inputs,
    outputs,
    untouched = {},
    tolerance = 5e-4,
  }: {
    readonly inputs: Readonly<Record<string, ArrayLike<number>>>;
    /** Lengths of what the kernel writes, all of it in f16. */
    readonly outputs: Readonly<Record<string, number>>;
    /** Inputs that stay as they are: vectors, keys. */
    readonly untouched?: Readonly<Record<string, HostArray>>;
    readonly tolerance?: number | undefined;
  },
): Promise<void> {
  const half: Record<string, HostArray> = { ...untouched };
  const full: Record<string, HostArray> = { ...untouched };
  for (const [name, values] of Object.entries(inputs)) {
    const bits = toHalf(values);
    half[name] = bits;
    full[name] = fromHalf(bits);
  }
  for (const [name, length] of Object.entries(outputs)) {
    half[name] = new Uint16Array(length).fill(0x7e00); // NaN
    full[name] = new Float32Array(length).fill(Number.NaN);
  }
  const names = Object.keys(outputs);
  const stored = { ...kernel, source: withStorageType(kernel.source, "f16") };
  const got = await runKernel(device, stored, half, names);
  const expected = await runKernel(device, kernel, full, names);
  for (const name of names) {
    expectClose(`${what}, f16 ${name}`, fromHalf(got[name] as Uint16Array), expected[name] as Float32Array, tolerance);
  }
}
