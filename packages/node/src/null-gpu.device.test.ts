import { expect, test } from "vitest";
import { openNullGpu } from "./dawn.js";

test("memory of the backend that computes nothing reads as zeros, also where something was before", async () => {
  const adapter = await (await openNullGpu()).requestAdapter();
  const device = await adapter?.requestDevice();
  if (device === undefined) throw new Error("the null backend has no device");
  const bytes = 4096;
  const make = (): GPUBuffer[] =>
    Array.from({ length: 50 }, () =>
      device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
    );
  const first = make();
  for (const buffer of first) device.queue.writeBuffer(buffer, 0, new Uint8Array(bytes).fill(255));
  await device.queue.onSubmittedWorkDone();
  for (const buffer of first) buffer.destroy();
  for (const buffer of make()) {
    await buffer.mapAsync(GPUMapMode.READ);
    expect(new Uint8Array(buffer.getMappedRange()).every((byte) => byte === 0)).toBe(true);
  }
  device.destroy();
});
