import type { Module } from "./module.js";

/** What the forward pass of each module returned last, by its dotted name; those that were not called are left out. */
export type Observations = ReadonlyMap<string, { readonly module: Module; readonly output: unknown }>;

/** Runs `work` with the forward pass of every module below `module`, and its own, watched for as long as that takes. */
export function observed<T>(
  module: Module,
  work: () => T,
): { readonly result: T; readonly observations: Observations } {
  const observations = new Map<string, { module: Module; output: unknown }>();
  const watched: Module[] = [];
  for (const [name, each] of module.namedModules()) {
    const forward: unknown = Reflect.get(each, "forward");
    if (typeof forward !== "function" || watched.includes(each)) continue;
    watched.push(each);
    Object.defineProperty(each, "forward", {
      configurable: true,
      value: (...inputs: unknown[]): unknown => {
        const output: unknown = Reflect.apply(forward, each, inputs);
        observations.set(name, { module: each, output });
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
