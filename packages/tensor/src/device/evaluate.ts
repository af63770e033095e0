import { plan } from "../compiler/program.js";
import { constantData, type HostData, type Node, nodesBelow, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { printShape } from "../shape.js";
import type { Device } from "./device.js";
import type { LoadedProgram } from "./loaded-program.js";

interface Evaluation {
  readonly loaded: LoadedProgram;
  /** The constants of the graph that it was compiled from, in order; others of the same structure take their places. */
  readonly constants: readonly Tensor[];
}

/** Programs that a device keeps for graphs of the same structure; the one used longest ago goes first. */
const keptPrograms = 16;
const caches = new WeakMap<Device, Map<string, Evaluation>>();

/**
 * Computes tensors on a device and reads them back: the same compiler as for a step. A graph of a structure that was
 * seen before runs the program it had then. Changes of state on the way (running statistics) take effect.
 */
export async function evaluate<Name extends string>(
  device: Device,
  tensors: Readonly<Record<Name, Tensor>>,
): Promise<Record<Name, HostData>> {
  const names = Object.keys(tensors) as Name[];
  const nodes = nodesBelow(names.map((name) => tensors[name]));
  const constants = nodes.flatMap(({ outputs }) => outputs).filter((tensor) => constantData(tensor) !== undefined);
  const cache = caches.get(device) ?? new Map<string, Evaluation>();
  caches.set(device, cache);
  const structure = structureOf(
    nodes,
    names.map((name) => tensors[name]),
  );

  let evaluation = cache.get(structure);
  if (evaluation === undefined) {
    const outputs = Object.fromEntries(names.map((name, i) => [String(i), tensors[name]]));
    const options = {
      fusion: true,
      kernels: device.kernels,
      precision: "f32",
      recompute: false,
      frozen: false,
    } as const;
    const loaded = await plan({}, { outputs }, options).load(device);
    evaluation = { loaded, constants };
  } else {
    evaluation.constants.forEach((place, i) => {
      const constant = constants[i];
      const data = constant && constantData(constant);
      if (data !== undefined) evaluation?.loaded.overwrite(place, data);
    });
  }
  cache.delete(structure);
  cache.set(structure, evaluation);
  for (const [key, { loaded }] of cache) {
    if (cache.size <= keptPrograms) break;
    loaded.destroy();
    cache.delete(key);
  }

  await evaluation.loaded.run();
  const results = {} as Record<Name, HostData>;
  for (const [i, name] of names.entries()) results[name] = await evaluation.loaded.read(String(i));
  return results;
}

/** The graph as text, in which tensors are numbered and constants are nameless. */
function structureOf(nodes: readonly Node[], roots: readonly Tensor[]): string {
  const numbers = new Map<Tensor, string>();
  const lines = nodes.map((node, i) => {
    node.outputs.forEach((output, k) => {
      numbers.set(output, `${i}.${k}`);
    });
    const { operation } = node;
    const identity = node.outputs[0] instanceof Variable ? `#${node.id}` : "";
    const what =
      operation.kind === "pointwise"
        ? operation.wgsl(["a", "b", "c", "d"])
        : operation.kind === "concat" || operation.kind === "slice"
          ? operation.channel
          : operation.kind === "statistics"
            ? operation.mode
            : (operation.key ?? "");
    const inputs = node.inputs.map((each) => numbers.get(each)).join(" ");
    const shapes = node.outputs.map(({ shape, dtype }) => `${printShape(shape)}${dtype}`).join(" ");
    return `${operation.kind} ${operation.name}${identity} (${what}) ${inputs} → ${shapes}`;
  });
  return [...lines, roots.map((root) => numbers.get(root)).join(" ")].join("\n");
}
