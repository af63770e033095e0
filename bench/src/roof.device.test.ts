import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { expect, test } from "vitest";
import { measureRoof, shortest } from "./roof.js";

/** Tries of `shortest` on a device that takes `of(times, try)` milliseconds. */
async function tried(of: (times: number, index: number) => number) {
  let time = 0;
  const tries: number[] = [];
  const run = async (times: number): Promise<void> => {
    time += of(times, tries.length);
    tries.push(times);
  };
  return { milliseconds: await shortest(run, () => time), tries };
}

test("a try has twice as many runs until it lasts 50 ms, and the time is that of one", async () => {
  // A run takes 3 ms, a wait 2 ms besides: 16 runs are the first to last.
  const { milliseconds, tries } = await tried((times) => 3 * times + 2);
  expect(tries).toEqual([1, 2, 4, 8, ...Array.from({ length: 7 }, () => 16)]);
  expect(milliseconds).toBe(50 / 16);
});

test("the best try counts; the first, which may compile, need not be it", async () => {
  const { milliseconds, tries } = await tried((_, i) => [900, 70, 60, 80][i] ?? 75);
  expect(tries).toEqual(Array.from({ length: 7 }, () => 1));
  expect(milliseconds).toBe(60);
});

test("a device that has failed, and so takes no time, is not run for ever", async () => {
  const { tries } = await tried(() => 0);
  expect(tries.at(-1)).toBe(4096);
});

test("counts what the adapter does: a copy's bytes twice, two operations a multiply-add", async () => {
  const device = await Device.open(await openGpu(), { validate: true });
  try {
    let reads = 0;
    // Each try takes 100 ms by this clock.
    const { bytesPerSecond, flopsPerSecond } = await measureRoof(device, () => 100 * reads++);
    const software = { bytes: 2 * 64 * 2 ** 20, flops: 2 * 64 * 128 * 64 * 2 ** 10 };
    // A GPU is given 32 times the arithmetic, and the largest copy up to 512 MiB that it allows.
    const onGpu = device.reduction === "parallel";
    expect(flopsPerSecond).toBe(software.flops * (onGpu ? 32 : 1) * 10);
    if (onGpu) expect(bytesPerSecond).toBeGreaterThanOrEqual(software.bytes * 10);
    else expect(bytesPerSecond).toBe(software.bytes * 10);
    expect(device.liveBuffers).toBe(0);
  } finally {
    device.destroy();
  }
});
