import { openGpu } from "@lobule/node";
import { Device } from "../device/device.js";

let opened: Promise<Device> | undefined;

/** The test process's device, with error scopes on. */
export function testDevice(): Promise<Device> {
  opened ??= (async () => Device.open(await openGpu(), { validate: true }))();
  return opened;
}
