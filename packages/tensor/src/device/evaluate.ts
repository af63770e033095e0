import { type KernelChoice, leastStorageBuffers } from "../compiler/calls.js";
import { type Program, plan } from "../compiler/program.js";
import { constantData, type HostData, type Node, nodesBelow, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { printShape } from "../shape.js";
import type { LoadedProgram } from "./loaded-program.js";

interface Evaluation {
  readonly loaded: LoadedProgram;
  /** The constants of the graph that it was compiled from, in order; others of the same structure take their places. */
  readonly constants: readonly Tensor[];
}

/** Programs that are kept for graphs of the same structure; the one used longest ago goes first. */
const keptPrograms = 16;

/** Computes tensors on a device and reads them back: the same compiler as for a step. */
export class Evaluations {
  private readonly kept = new Map<string, Evaluation>();

  constructor(private readonly load: (program: Program) => Promise<LoadedProgram>) {}

  /**
   * A graph of a structure that was seen before runs the program it had then. Changes of state on the way (running
   * statistics) take effect.
   */
  async evaluate<Name extends string>(
    tensors: Readonly<Record<Name, Tensor>>,
    kernels: KernelChoice,
  ): Promise<Record<Name, HostData>> {
    const names = Object.keys(tensors) as Name[];
    const { loaded } = await this.prepared(
      names.map((name) => tensors[name]),
      kernels,
    );
    await loaded.run();
    const results = {} as Record<Name, HostData>;
    for (const [i, name] of names.entries()) results[name] = await loaded.read(String(i));
    return results;
  }

  /** The program of these tensors, with their constants in it. */
  private async prepared(roots: readonly Tensor[], kernels: KernelChoice): Promise<Evaluation> {
    const nodes = nodesBelow(roots);
    const constants = nodes.flatMap(({ outputs }) => outputs).filter((tensor) => constantData(tensor) !== undefined);
    const structure = structureOf(nodes, roots);
    const known = this.kept.get(structure);
    const evaluation = known ?? { loaded: await this.load(planned(roots, kernels)), constants };
    known?.constants.forEach((place, i) => {
      const constant = constants[i];
      const data = constant && constantData(constant);
      if (data !== undefined) known.loaded.overwrite(place, data);
    });
    this.kept.delete(structure);
    this.kept.set(structure, evaluation);
    for (const [key, { loaded }] of this.kept) {
      if (this.kept.size <= keptPrograms) break;
      loaded.destroy();
      this.kept.delete(key);
    }
    return evaluation;
  }
}

function planned(roots: readonly Tensor[], kernels: KernelChoice): Program {
  const outputs = Object.fromEntries(roots.map((tensor, i) => [String(i), tensor]));
  return plan(
    {},
    { outputs },
    { fusion: true, kernels, precision: "f32", recompute: false, frozen: false, storageBuffers: leastStorageBuffers },
  );
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
