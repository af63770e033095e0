import { adapterChoice } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { version } from "../version.js";

/** What must be the same in all processes that train a run together, besides what is trained, by what it is called. */
export async function factsOf(device: Device): Promise<Record<string, string>> {
  const { name, kind } = await adapterChoice();
  return {
    "the version of lobule": version(),
    "the version of Node": process.versions.node,
    "the adapter": `${name} (${kind})`,
    "the kernels": typeof device.kernels === "string" ? device.kernels : JSON.stringify(device.kernels),
  };
}
