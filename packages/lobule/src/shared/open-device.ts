import { type AdapterChoice, adapterChoice, gpuDevices, openGpu, withQuietDrivers } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { choice, type OptionalOption } from "../command-line/option.js";
import { warn } from "./output.js";

/** What may be asked for. */
export const adapterNames = ["gpu", "lavapipe", "swiftshader"] as const;

const named = choice(adapterNames, "what to compute on: one of these, or gpu:N of several GPUs [the best there is]");

/** Of every command that computes; the program puts it in LOBULE_ADAPTER's place. */
export const deviceOption: OptionalOption<string | undefined> = {
  ...named,
  read: (words, name) => (/^gpu:\d+$/.test(words[0] ?? "") ? words[0] : named.read(words, name)),
};

/**
 * A note where the machine has a GPU and something slower is used, though nobody asked for that.
 * @param devices device files of the machine's GPUs.
 */
export function unusedGpuNote(
  { kind, passedOver }: Pick<AdapterChoice, "kind" | "passedOver">,
  [device]: readonly string[],
): string | undefined {
  const gpu = passedOver.find((other) => other.kind === "gpu");
  if (kind === "gpu" || gpu === undefined || device === undefined) return undefined;
  return `note: this machine has a GPU (${device}), but ${kind} is used: ${gpu.why}`;
}

/** Whether what drivers write to the error stream is to be seen. */
let verbose = false;
export const showDrivers = (): void => {
  verbose = true;
};

/** Opens adapters and devices without the words of drivers, unless they are asked for. */
export const quietly = <Result>(open: () => Promise<Result>): Promise<Result> =>
  verbose ? open() : withQuietDrivers(open);

/** A device on the best adapter; says on the error stream where the machine's GPU is not used. */
export async function openDevice(): Promise<Device> {
  const device = await quietly(async () => Device.open(await openGpu()));
  const note = unusedGpuNote(await adapterChoice(), gpuDevices());
  if (note !== undefined) warn(note);
  return device;
}
