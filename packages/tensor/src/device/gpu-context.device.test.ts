import { openNullGpu } from "@lobule/node";
import { expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import { relu } from "../ops/pointwise.js";
import { Device } from "./device.js";

test("memory that the device does not have is refused in a sentence, and what has its memory works on", async () => {
  // Dawn's null backend has 512 MiB, of buffers of 256 at most.
  const device = await Device.open(await openNullGpu());
  const large = (): GPUBuffer => device.createBuffer(200 * 2 ** 20, "large");
  const [first, second] = [large(), large()];
  const refusal =
    "the GPU has too little memory: with 400.0 MiB in use it had no more; use a smaller batch, or recomputation (--recompute)";
  expect(large).toThrow(refusal);
  expect(new Uint8Array(await device.readBuffer(first, 0, 16))).toEqual(new Uint8Array(16));
  device.destroyBuffer(second);
  expect(large).not.toThrow();
  device.destroy();
});

test("a program that does not fit leaves nothing on the device", async () => {
  const device = await Device.open(await openNullGpu());
  const shape = [1, 1, 4096, 4096] as const;
  const program = compile({ inputs: { x: { shape, dtype: "f32" } }, build: ({ x }) => ({ outputs: { y: relu(x) } }) });
  for (let i = 0; i < 2; i++) device.createBuffer(200 * 2 ** 20, "large");
  const before = device.liveBuffers;
  await expect(program.load(device)).rejects.toThrow("the GPU has too little memory: with 464.0 MiB in use");
  expect(device.liveBuffers).toBe(before);
  device.destroy();
});
