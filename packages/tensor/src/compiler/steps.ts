import type { Node, Tensor } from "../graph/tensor.js";
import { type Fusion, pastedBy, readInputs } from "./fuse.js";

/** What is computed in one go: a node with what is pasted into its store, and the sums that ride in it. */
export interface Step {
  readonly root: Node;
  /** From the root's own output, step by step, to what is stored in its place. */
  readonly chain: readonly Tensor[];
  readonly riders: readonly Node[];
  /** Stored tensors that it reads, directly or in what is pasted into its loads. */
  readonly reads: ReadonlySet<Tensor>;
  /** Stored tensors that it makes. */
  readonly writes: readonly Tensor[];
}

/** The steps of a fused graph, in the order in which the planner takes them. */
export function stepsOf(nodes: readonly Node[], fusion: Fusion): Step[] {
  const isPasted = pastedBy(fusion);
  const makers = new Map<Tensor, Step>();
  const waiting: { readonly at: Tensor; readonly step: Step }[] = [];
  const riding = new Set([...fusion.riding.values()].flat());
  const inner = new Set([...fusion.stored.values()].flatMap((chain) => chain.slice(1).map(({ node }) => node)));
  for (const node of nodes) {
    const { kind } = node.operation;
    if (isSource(node) || kind === "view" || riding.has(node) || inner.has(node)) continue;
    if (isPasted(node.outputs[0] as Tensor)) continue;
    const chain = fusion.stored.get(node) ?? [node.outputs[0] as Tensor];
    const end = chain.at(-1) as Tensor;
    const riders = fusion.riding.get(end) ?? [];
    const own = new Set([...chain, ...riders.flatMap(({ outputs }) => outputs)]);
    const inputs = [node, ...chain.slice(1).map((each) => each.node), ...riders].flatMap((each) => each.inputs);
    const reads = new Set(inputs.filter((each) => !own.has(each)).flatMap((each) => [...leavesOf(each, isPasted)]));
    for (const each of own) reads.delete(each);
    const writes = [
      ...node.outputs.filter((each) => each !== chain[0]),
      end,
      ...riders.flatMap((each) => each.outputs),
    ];
    const step: Step = { root: node, chain, riders, reads, writes };
    for (const tensor of writes) makers.set(tensor, step);
    waiting.push({ at: end, step });
  }
  const order: Step[] = [];
  const done = new Set<Step>();
  const visit = (step: Step): void => {
    if (done.has(step)) return;
    done.add(step);
    for (const tensor of step.reads) {
      const maker = makers.get(tensor);
      if (maker !== undefined) visit(maker);
    }
    order.push(step);
  };
  waiting.sort((a, b) => a.at.id - b.at.id);
  for (const { step } of waiting) visit(step);
  return order;
}

/** The stored tensors that are read for a tensor: itself, unless it is a view or pasted. */
export function leavesOf(tensor: Tensor, isPasted: (tensor: Tensor) => boolean): Set<Tensor> {
  const leaves = new Set<Tensor>();
  const seen = new Set<Tensor>();
  const walk = (each: Tensor): void => {
    if (seen.has(each)) return;
    seen.add(each);
    if (each.node.operation.kind === "view" || isPasted(each)) readInputs(each.node).forEach(walk);
    else if (!isSource(each.node)) leaves.add(each);
  };
  walk(tensor);
  return leaves;
}

const isSource = ({ operation: { kind } }: Node): boolean =>
  kind === "input" || kind === "constant" || kind === "variable" || kind === "scratch";
