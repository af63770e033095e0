import { last, type Node, type NonEmpty, type Tensor } from "../graph/tensor.js";
import { type Fusion, inlinedBy, readInputs } from "./fuse.js";

/** What one call computes: a node with what is fused into its epilogue. */
export interface Step {
  readonly root: Node;
  /** From the root's own output, step by step, to what is stored in its place. */
  readonly chain: NonEmpty<Tensor>;
  /** Sums by channel of what is stored. */
  readonly statistics: readonly Node[];
  /** Stored tensors that it reads, directly or in what is inlined into its loads. */
  readonly reads: ReadonlySet<Tensor>;
  /** Stored tensors that it makes. */
  readonly writes: NonEmpty<Tensor>;
}

/**
 * The steps of a fused graph, in the order in which they run: in that of the creation of what they store, so that a layer's
 * gradients are formed together and its activations are let go early, but each after all that make what it reads.
 */
export function stepsOf(nodes: readonly Node[], fusion: Fusion): Step[] {
  const isInlined = inlinedBy(fusion);
  const fused = new Set([...fusion.statistics.values()].flat());
  for (const chain of fusion.epilogues.values()) for (const { node } of chain.slice(1)) fused.add(node);
  const steps = nodes
    .filter((node) => !isSource(node) && node.operation.kind !== "view" && !fused.has(node))
    .filter(({ outputs }) => !isInlined(outputs[0]))
    .map((node) => stepOf(node, fusion, isInlined));
  steps.sort((a, b) => last(a.chain).id - last(b.chain).id);
  return inOrder(steps);
}

function stepOf(root: Node, fusion: Fusion, isInlined: (tensor: Tensor) => boolean): Step {
  const chain = fusion.epilogues.get(root) ?? [root.outputs[0]];
  const end = last(chain);
  const statistics = fusion.statistics.get(end) ?? [];
  const sums = statistics.flatMap(({ outputs }) => outputs);
  const own = new Set([...chain, ...sums]);
  const inputs = [root, ...chain.slice(1).map(({ node }) => node), ...statistics].flatMap((each) => each.inputs);
  const reads = new Set(inputs.filter((each) => !own.has(each)).flatMap((each) => [...leavesOf(each, isInlined)]));
  for (const each of own) reads.delete(each);
  const [first = end, ...others] = [...root.outputs.filter((each) => each !== chain[0]), end, ...sums];
  return { root, chain, statistics, reads, writes: [first, ...others] };
}

/** The same steps, each after those that make what it reads. */
function inOrder(steps: readonly Step[]): Step[] {
  const makers = new Map(steps.flatMap((step) => step.writes.map((tensor) => [tensor, step] as const)));
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
  for (const step of steps) visit(step);
  return order;
}

/** The stored tensors that are read for a tensor: itself, unless it is a view or inlined. */
export function leavesOf(tensor: Tensor, isInlined: (tensor: Tensor) => boolean): Set<Tensor> {
  const leaves = new Set<Tensor>();
  const seen = new Set<Tensor>();
  const walk = (each: Tensor): void => {
    if (seen.has(each)) return;
    seen.add(each);
    if (each.node.operation.kind === "view" || isInlined(each)) readInputs(each.node).forEach(walk);
    else if (!isSource(each.node)) leaves.add(each);
  };
  walk(tensor);
  return leaves;
}

const isSource = ({ operation: { kind } }: Node): boolean =>
  kind === "input" || kind === "constant" || kind === "variable" || kind === "scratch";
