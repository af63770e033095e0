import type { Module } from "./module.js";

/** A module whose forward pass was called. */
export interface Observation {
  readonly module: Module;
  /** What it returned last. */
  readonly output: unknown;
  /** What it was given, call by call. */
  readonly calls: readonly (readonly unknown[])[];
  /** What it returned, call by call. */
  readonly outputs: readonly unknown[];
}

/** By dotted name, in the order of their first return; modules that were not called are left out. */
export type Observations = ReadonlyMap<string, Observation>;

/**
 * Runs `work` with the forward pass of every module below `module`, and its own, watched for as long as that takes.
 *
 * ```ts
 * import { observed, UNet } from "@lobule/nn";
 * import { constant } from "@lobule/tensor";
 *
 * const unet = new UNet({ baseFeatures: 4, depth: 2 });
 * const image = constant(new Float32Array(64), [1, 1, 8, 8]);
 * const { observations } = observed(unet, () => unet.forward(image));
 * console.log(observations.get("bridge.conv1")?.output);
 * ```
 */
export function observed<T>(
  module: Module,
  work: () => T,
): { readonly result: T; readonly observations: Observations } {
  const observations = new Map<string, Observation>();
  const watched: Module[] = [];
  for (const [name, each] of module.namedModules()) {
    const forward: unknown = Reflect.get(each, "forward");
    if (typeof forward !== "function" || watched.includes(each)) continue;
    watched.push(each);
    Object.defineProperty(each, "forward", {
      configurable: true,
      value: (...inputs: unknown[]): unknown => {
        const output: unknown = Reflect.apply(forward, each, inputs);
        const { calls = [], outputs = [] } = observations.get(name) ?? {};
        observations.set(name, { module: each, output, calls: [...calls, inputs], outputs: [...outputs, output] });
        return output;
      },
    });
  }
  try {
    return { result: work(), observations };
  } finally {
    for (const each of watched) Reflect.deleteProperty(each, "forward");
  }
}
