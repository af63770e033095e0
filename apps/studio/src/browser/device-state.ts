import { signal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import { sentenceOf } from "../parts/sentence.js";
import type { DeviceDescription } from "../worker/describe.js";

/** What this browser computes on, or why it cannot, in a sentence; undefined until it is known. */
export const device = signal<DeviceDescription | string | undefined>(undefined);

/** Asks the browser for its adapter. */
export async function askForDevice(): Promise<void> {
  try {
    device.value = await quickEngine().describeDevice();
  } catch (error) {
    device.value = sentenceOf(error);
  }
}
