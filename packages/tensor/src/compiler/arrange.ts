import { type Node, nodesBelow, storageOf, type Tensor } from "../graph/tensor.js";
import { groupVariables, Variable } from "../graph/variable.js";
import { type Calls, type PlannerOptions, reductionOf } from "./calls.js";
import { constantExpressions } from "./frozen.js";
import { fuse } from "./fuse.js";
import { Planner } from "./planner.js";
import type { Arranged } from "./recompute.js";
import { stepsOf } from "./steps.js";
import { chooseStorage } from "./storage.js";

/**
 * Decides what is fused and how it is stored. The first `kept` roots are what can be read after a run.
 * @param crowded kernels into which nothing is fused.
 */
export function arrange(
  roots: readonly Tensor[],
  kept: number,
  options: PlannerOptions,
  crowded: ReadonlySet<Node> = new Set(),
): Arranged {
  const nodes = nodesBelow(roots);
  groupVariables(nodes.flatMap((node) => node.outputs.filter((output) => output instanceof Variable)));
  const required = new Set(roots.slice(0, kept).map(storageOf));
  for (const node of nodes) {
    if (node.operation.kind === "kernel") {
      for (const { tensor } of node.operation.placements ?? []) required.add(storageOf(tensor));
    }
  }
  if (options.frozen) for (const tensor of constantExpressions(nodes)) required.add(tensor);
  const storageType = chooseStorage(nodes, required, options.precision);
  const fusion = fuse(nodes, required, {
    enabled: options.fusion,
    loadsAreDear: reductionOf(options.kernels) === "subgroup",
    crowded,
  });
  return { nodes, required, storageType, fusion, steps: stepsOf(nodes, fusion) };
}

/** The calls of a graph. Kernels that fusing gives more tensors than they can bind are planned again without it. */
export function planCalls(roots: readonly Tensor[], kept: number, options: PlannerOptions): Calls {
  const crowded = new Set<Node>();
  for (;;) {
    const { nodes, steps, fusion, storageType } = arrange(roots, kept, options, crowded);
    const planned = new Planner(nodes, steps, fusion, storageType, options).plan();
    const found = planned.crowded.filter((node) => !crowded.has(node));
    if (!options.fusion || found.length === 0) return planned;
    for (const node of found) crowded.add(node);
  }
}
