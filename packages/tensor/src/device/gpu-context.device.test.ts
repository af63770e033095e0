import { openNullGpu } from "@lobule/node";
import { expect, test } from "vitest";
import { Device } from "./device.js";

test("memory that the device does not have is told as such by what is read next", async () => {
  // Dawn's null backend has 512 MiB, of buffers of 256 at most.
  const device = await Device.open(await openNullGpu());
  const [buffer] = Array.from({ length: 3 }, (_, i) => device.createBuffer(200 * 2 ** 20, `large ${i}`));
  if (buffer === undefined) throw new Error("no buffer was made");
  await expect(device.readBuffer(buffer, 0, 16)).rejects.toThrow(
    /^the GPU has too little memory: with \d+\.\d MiB in use it had no more; use a smaller batch, or recomputation/,
  );
  device.destroy();
});
