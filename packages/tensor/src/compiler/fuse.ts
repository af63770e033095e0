import type { ConvolutionCall } from "../graph/convolution-call.js";
import { inputOf, last, type Node, type NonEmpty, type Tensor } from "../graph/tensor.js";
import { sameShape, sizeOf } from "../shape.js";

/** Tensors besides its own that a fused expression may read: keeps a kernel within eight storage buffers. */
const maxLeaves = 4;

export interface FusionOptions {
  readonly enabled: boolean;
  /** Whether a load costs more than writing and reading a tensor once, as on software adapters. */
  readonly loadsAreDear: boolean;
  /** Kernel nodes that bind as many tensors as they may without anything fused into their loads or their epilogue. */
  readonly crowded: ReadonlySet<Node>;
}

/** What is computed inside which kernel. */
export interface Fusion {
  /** Pointwise and remap tensors that are never stored: they are inlined into the loads of those that read them. */
  readonly inlined: ReadonlySet<Tensor>;
  /** For a kernel node with a store slot: from its own output, step by step, to what its epilogue stores instead. */
  readonly epilogues: ReadonlyMap<Node, NonEmpty<Tensor>>;
  /** For a 3×3 convolution: the 1×1 convolution whose result it adds to its own. */
  readonly shortcuts: ReadonlyMap<Node, Node>;
  /** For a 1×1 convolution: the max-pooling of what its kernel stores, which it can do besides. */
  readonly pools: ReadonlyMap<Node, Node>;
  /**
   * Statistics that are fused into the epilogue of the kernel which stores that tensor; the first is taken, the others
   * share its result.
   */
  readonly statistics: ReadonlyMap<Tensor, NonEmpty<Node>>;
}

/** The inputs that a node's arithmetic reads. */
export function readInputs(node: Node): readonly Tensor[] {
  const { operation, inputs } = node;
  return "expressionInputs" in operation ? inputs.slice(0, operation.expressionInputs) : inputs;
}

export const isExpression = (node: Node): boolean =>
  node.operation.kind === "pointwise" || node.operation.kind === "concat" || node.operation.kind === "slice";

/** A graph, with what reads each tensor, which tensors must exist in memory and which kernels take no more. */
interface Graph {
  readonly nodes: readonly Node[];
  readonly required: ReadonlySet<Tensor>;
  readonly readers: ReadonlyMap<Tensor, readonly Node[]>;
  readonly crowded: ReadonlySet<Node>;
}

/**
 * Decides what is fused.
 *
 * 1. A kernel's output that only one pointwise operation reads is never stored: the operation is fused into the kernel's
 *    epilogue, and the next one after it as well. Late kernels choose first, so that a sum of two gradients is
 *    formed in the kernel that finishes last.
 *    Where that is the sum of a 3×3 and a 1×1 convolution, the one kernel computes both: the gradients of the two ways
 *    through a residual block.
 * 2. Other pointwise results are inlined into the loads of their readers, where all of these can take them. Where loads
 *    are dear, not what is made of several images for a kernel that loads each element again and again.
 * 3. Sums by channel are fused into the epilogue of the kernel that makes their operand, max-pooling into that of a 1×1
 *    convolution.
 *
 * @param required tensors that must exist in memory (a program's outputs).
 */
export function fuse(
  nodes: readonly Node[],
  required: ReadonlySet<Tensor>,
  { enabled, loadsAreDear, crowded }: FusionOptions,
): Fusion {
  if (!enabled) {
    const none = new Map<never, never>();
    return { inlined: new Set(), epilogues: none, shortcuts: none, pools: none, statistics: none };
  }
  const graph: Graph = { nodes, required, readers: readersOf(nodes), crowded };
  const shortcuts = shortcutsOf(graph);
  const epilogues = epiloguesOf(graph, shortcuts);
  const claimed = new Set([...epilogues.values()].flatMap((chain) => chain.slice(1).map(({ node }) => node)));
  const inlined = inlinedOf(graph, claimed, loadsAreDear);
  return {
    inlined,
    epilogues,
    shortcuts,
    pools: poolsOf(graph, epilogues),
    statistics: statisticsOf(graph, epilogues, claimed, inlined),
  };
}

function readersOf(nodes: readonly Node[]): Map<Tensor, Node[]> {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const tensor of readInputs(node)) {
      const list = readers.get(tensor);
      if (list === undefined) readers.set(tensor, [node]);
      else list.push(node);
    }
  }
  return readers;
}

/** The 1×1 convolution that each 3×3 one adds. */
function shortcutsOf(graph: Graph): Map<Node, Node> {
  const shortcuts = new Map<Node, Node>();
  for (const node of graph.nodes) {
    const pair = twoConvolutions(node, graph);
    if (pair !== undefined && !graph.crowded.has(pair.wide)) shortcuts.set(pair.wide, pair.narrow);
  }
  return shortcuts;
}

/** The 3×3 and the 1×1 convolution whose sum the node is, if nothing else reads them. */
function twoConvolutions(
  { operation, inputs, outputs }: Node,
  { readers, required }: Graph,
): { readonly wide: Node; readonly narrow: Node } | undefined {
  if (operation.kind !== "pointwise" || operation.name !== "add") return undefined;
  const of = (family: ConvolutionCall["family"]): Node | undefined =>
    inputs.find(({ node }) => node.operation.kind === "kernel" && node.operation.convolution?.family === family)?.node;
  const [wide, narrow] = [of("conv3x3"), of("conv1x1")];
  const alone = inputs.every(
    (each) => readers.get(each)?.length === 1 && !required.has(each) && sameShape(each.shape, outputs[0].shape),
  );
  return wide && narrow && alone ? { wide, narrow } : undefined;
}

function epiloguesOf(graph: Graph, shortcuts: ReadonlyMap<Node, Node>): Map<Node, NonEmpty<Tensor>> {
  const absorbed = new Set(shortcuts.values());
  const claimed = new Set<Node>();
  const epilogues = new Map<Node, NonEmpty<Tensor>>();
  for (const node of [...graph.nodes].reverse()) {
    const { operation } = node;
    if (operation.kind !== "kernel" || operation.store === undefined || absorbed.has(node)) continue;
    const chain = epilogueOf(node, graph, claimed, shortcuts.has(node));
    for (const each of chain.slice(1)) claimed.add(each.node);
    epilogues.set(node, chain);
  }
  return epilogues;
}

/** From a kernel's output, step by step, to what it can store instead. @param claimed nodes of other epilogues. */
function epilogueOf(
  node: Node,
  { readers, required, crowded }: Graph,
  claimed: ReadonlySet<Node>,
  addsShortcut: boolean,
): NonEmpty<Tensor> {
  let chain: NonEmpty<Tensor> = [node.outputs[0]];
  if (crowded.has(node)) return chain;
  let leaves = 0;
  for (;;) {
    const root = last(chain);
    const [reader, ...others] = readers.get(root) ?? [];
    if (reader === undefined || others.length > 0 || required.has(root) || claimed.has(reader)) return chain;
    if (reader.operation.kind !== "pointwise") return chain;
    const next = reader.outputs[0];
    const position = reader.inputs.indexOf(root);
    if (!sameShape(next.shape, root.shape) || reader.operation.coefficients?.includes(position)) return chain;
    // What the kernel reads in its store must be there before it runs: no other output of its own.
    if (readInputs(reader).some((each) => each !== root && dependsOn(each, node))) return chain;
    // Of a sum with a shortcut the kernel holds both parts.
    if (chain.length > 1 || !addsShortcut) leaves += readInputs(reader).length - 1;
    if (leaves > maxLeaves) return chain;
    chain = [...chain, next];
  }
}

function poolsOf({ nodes, crowded }: Graph, epilogues: Fusion["epilogues"]): Map<Node, Node> {
  const pools = new Map<Node, Node>();
  const storedBy = new Map([...epilogues].map(([node, chain]) => [last(chain), node]));
  for (const node of nodes) {
    if (node.operation.kind !== "kernel" || node.operation.pools !== true) continue;
    const maker = storedBy.get(inputOf(node, 0));
    if (maker?.operation.kind !== "kernel" || crowded.has(maker)) continue;
    const { convolution } = maker.operation;
    const narrow = convolution?.family === "conv1x1" && convolution.direction === "forward";
    if (narrow && !pools.has(maker) && epilogues.get(node)?.length === 1) pools.set(maker, node);
  }
  return pools;
}

function inlinedOf(
  { nodes, required, readers, crowded }: Graph,
  claimed: ReadonlySet<Node>,
  loadsAreDear: boolean,
): Set<Tensor> {
  const inlined = new Set<Tensor>();
  for (const node of nodes) {
    if (!isExpression(node) || claimed.has(node)) continue;
    const tensor = node.outputs[0];
    const users = readers.get(tensor) ?? [];
    if (required.has(tensor) || !users.every((reader) => !crowded.has(reader) && canInline(reader, tensor))) {
      continue;
    }
    const leaves = leavesOf(tensor, inlined);
    const images = [...leaves].filter(({ shape }) => shape.length === 4 && sizeOf(shape) === sizeOf(tensor.shape));
    const reread = users.some(({ operation }) => operation.kind === "kernel" && operation.rereads === true);
    if (loadsAreDear && node.operation.kind === "pointwise" && images.length > 1 && reread) continue;
    if (leaves.size <= maxLeaves) inlined.add(tensor);
  }
  return inlined;
}

/** Whether a node can compute a tensor wherever it reads it. */
function canInline({ operation, inputs }: Node, tensor: Tensor): boolean {
  const positions = inputs.flatMap((each, i) => (each === tensor ? [i] : []));
  if (operation.kind === "pointwise") return !positions.some((i) => operation.coefficients?.includes(i));
  if (operation.kind === "concat" || operation.kind === "slice") return true;
  if (operation.kind === "statistics") return positions.every((i) => i === 1);
  return operation.kind === "kernel" && positions.every((i) => operation.slotInputs?.includes(i));
}

/** The stored tensors that an expression reads, where those in `inlined` are computed in place. */
function leavesOf(tensor: Tensor, inlined: ReadonlySet<Tensor>): Set<Tensor> {
  const leaves = new Set<Tensor>();
  for (const each of readInputs(tensor.node)) {
    if (inlined.has(each)) for (const leaf of leavesOf(each, inlined)) leaves.add(leaf);
    else leaves.add(each);
  }
  return leaves;
}

function statisticsOf(
  graph: Graph,
  epilogues: Fusion["epilogues"],
  claimed: ReadonlySet<Node>,
  inlined: ReadonlySet<Tensor>,
): Map<Tensor, NonEmpty<Node>> {
  const summable = summableOf(graph, epilogues, claimed, inlined);
  const statistics = new Map<Tensor, NonEmpty<Node>>();
  for (const node of graph.nodes) {
    if (node.operation.kind !== "statistics") continue;
    const [x, second] = [inputOf(node, 0), node.inputs[1]];
    const maker = summable.get(x);
    if (maker === undefined) continue;
    const isThere = (leaf: Tensor): boolean => leaf === x || (leaf.id < x.id && !dependsOn(leaf, maker));
    if (second !== undefined && !(inlined.has(second) && [...leavesOf(second, inlined)].every(isThere))) continue;
    const together = statistics.get(x);
    if (together === undefined) statistics.set(x, [node]);
    else if (together.every((other) => compatible(other, node))) {
      // The one with a second operand serves those without.
      statistics.set(x, second === undefined ? [...together, node] : [node, ...together]);
    }
  }
  return statistics;
}

/** What can be summed by channel as it is stored, with the node whose kernel does so. */
function summableOf(
  { nodes, crowded }: Graph,
  epilogues: Fusion["epilogues"],
  claimed: ReadonlySet<Node>,
  inlined: ReadonlySet<Tensor>,
): Map<Tensor, Node> {
  const summable = new Map<Tensor, Node>();
  for (const [node, chain] of epilogues) {
    const { operation } = node;
    if (operation.kind === "kernel" && operation.store === "statistics" && !crowded.has(node))
      summable.set(last(chain), node);
  }
  for (const node of nodes) {
    const [tensor] = node.outputs;
    if (isExpression(node) && !claimed.has(node) && !inlined.has(tensor)) summable.set(tensor, node);
  }
  return summable;
}

const compatible = (a: Node, b: Node): boolean =>
  [a, b].every(({ operation }) => operation.kind === "statistics" && operation.mode === "sums") &&
  (a.inputs.length === 1 || b.inputs.length === 1);

/** Whether a tensor is computed inside the kernel that reads it, and so never stored. */
export function inlinedBy({ inlined, shortcuts }: Fusion): (tensor: Tensor) => boolean {
  const inside = new Set([...shortcuts.values()].flatMap(({ outputs }) => outputs));
  return (tensor) => inlined.has(tensor) || inside.has(tensor);
}

/** Whether a tensor is made from what the node makes. A node is younger than those that it reads. */
function dependsOn(tensor: Tensor, node: Node): boolean {
  const seen = new Set<Node>();
  const stack = [tensor.node];
  for (let each = stack.pop(); each !== undefined; each = stack.pop()) {
    if (each === node) return true;
    if (each.id < node.id || seen.has(each)) continue;
    seen.add(each);
    for (const { node: before } of each.inputs) stack.push(before);
  }
  return false;
}
