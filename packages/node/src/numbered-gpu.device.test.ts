import { beforeAll, expect, test } from "vitest";
import { kindOf } from "./adapter-choice.js";
import { openDawn } from "./dawn.js";
import { embeddedSwiftShader } from "./embedded-swiftshader.js";
import { isolate, type ListedDevice, listDevices } from "./numbered-gpu.js";
import { adapterChoice, listAdapters } from "./open-gpu.js";
import { systemDrivers } from "./vulkan-drivers.js";

/** Two software adapters stand for two GPUs. */
let devices: readonly ListedDevice[];
beforeAll(async () => {
  await adapterChoice(); // loads the Vulkan loader
  devices = (await listDevices([...systemDrivers().lavapipe, (await embeddedSwiftShader()).manifest])) ?? [];
});

test("adapters are listed with name, memory and an identity of their own", async () => {
  expect(devices.length).toBeGreaterThan(0);
  for (const { isGpu, memory, name } of devices) {
    expect(isGpu).toBe(false);
    expect(memory).toBeGreaterThan(2 ** 28);
    expect(name).toMatch(/llvmpipe|SwiftShader/);
  }
  expect(new Set(devices.map(({ uuid }) => uuid)).size).toBe(devices.length);
  const { kind } = await adapterChoice();
  expect((await listAdapters()).map(({ request }) => request)).toContain(kind === "gpu" ? "gpu:0" : kind);
});

test("one of two is opened by its driver, or by its name", async (context) => {
  if (devices.length < 2) return context.skip("adapter has no other beside it");
  for (const device of devices) {
    const kind = /llvmpipe/.test(device.name) ? "lavapipe" : "swiftshader";
    const byDriver = await isolate(device, [device]);
    expect(byDriver).toEqual({ manifests: [device.manifest], environment: {} });
    const { name } = await isolate(device, devices);
    for (const [manifests, one] of [
      [byDriver.manifests, byDriver],
      [devices.map(({ manifest }) => manifest), { name: name ?? "", environment: {} }],
    ] as const) {
      const opened = await openDawn(manifests, one);
      expect(opened === null ? null : kindOf(opened.info)).toBe(kind);
    }
  }
});

test("two of one name that nothing tells apart are refused in a sentence", async () => {
  const [device] = devices;
  if (device === undefined) throw new Error("no adapter");
  const other = { ...device, uuid: "0", pci: null };
  await expect(isolate(other, [device, other])).rejects.toThrow(
    /2 GPUs of the name .* cannot tell apart; install Mesa/,
  );
});

test("a GPU that is not there is refused with those that are", async () => {
  await expect(adapterChoice({ adapter: "gpu:99" })).rejects.toThrow(/already runs on|There is no gpu:99/);
});
