import { compile, constant, Tensor } from "@lobule/tensor";
import type { Observation } from "./observe.js";

/** What a layer's forward pass costs by its plan. */
export interface LayerCost {
  /** Floating-point operations; a multiply-add counts two. */
  readonly flops: number;
  /** Read and written. */
  readonly bytes: number;
}

/**
 * Plans each call of a layer by itself, on inputs of the same shapes. Nothing is computed and no device is needed. What
 * fusion saves across layers is not in it.
 */
export function layerCost({ module, calls }: Observation): LayerCost {
  const forward: unknown = Reflect.get(module, "forward");
  let [flops, bytes] = [0, 0];
  for (const inputs of typeof forward === "function" ? calls : []) {
    const output: unknown = Reflect.apply(forward as () => unknown, module, inputs.map(alike));
    const result = output instanceof Tensor ? output : gatedOf(output);
    if (result === undefined) continue;
    const program = compile({ inputs: {}, build: () => ({ outputs: { result } }) });
    flops += program.calls.reduce((sum, { kernel }) => sum + kernel.flops, 0);
    bytes += program.bytesPerRun;
  }
  return { flops, bytes };
}

/** The same with tensors that nothing made. */
function alike(value: unknown): unknown {
  if (value instanceof Tensor) {
    const size = value.shape.reduce((product: number, extent: number) => product * extent, 1);
    return constant(new Float32Array(size), value.shape);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, alike(each)]));
}

/** What an attention gate lets through. */
function gatedOf(output: unknown): Tensor | undefined {
  if (typeof output !== "object" || output === null || !("gated" in output)) return undefined;
  return output.gated instanceof Tensor ? output.gated : undefined;
}
