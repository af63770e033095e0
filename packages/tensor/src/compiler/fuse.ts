import type { ConvolutionCall } from "../graph/convolution-call.js";
import type { KernelOperation, Node, StatisticsOperation, Tensor } from "../graph/tensor.js";
import { sameShape, sizeOf } from "../shape.js";

/** Tensors besides its own that a fused expression may read: keeps a kernel within eight storage buffers. */
const maxLeaves = 4;

export interface FusionOptions {
  readonly enabled: boolean;
  /** Whether a load costs more than writing and reading a tensor once, as on software adapters. */
  readonly loadsAreDear: boolean;
}

/** What is pasted where. */
export interface Fusion {
  /** Pointwise and remap tensors that are never stored: they are computed in the loads of those that read them. */
  readonly virtual: ReadonlySet<Tensor>;
  /** For a kernel node with a store slot: from its own output, step by step, to what it stores in its place. */
  readonly stored: ReadonlyMap<Node, readonly Tensor[]>;
  /** For a 3×3 convolution: the 1×1 convolution whose result it adds to its own. */
  readonly shortcuts: ReadonlyMap<Node, Node>;
  /** For a 1×1 convolution: the max-pooling of what its kernel stores, which it can do besides. */
  readonly pools: ReadonlyMap<Node, Node>;
  /** Statistics that ride in the kernel which stores that tensor; the first is taken, the others share its result. */
  readonly riding: ReadonlyMap<Tensor, readonly Node[]>;
}

/** The inputs that a node's arithmetic reads. */
export function readInputs(node: Node): readonly Tensor[] {
  const { operation, inputs } = node;
  return "expressionInputs" in operation ? inputs.slice(0, operation.expressionInputs) : inputs;
}

export const isExpression = (node: Node): boolean =>
  node.operation.kind === "pointwise" || node.operation.kind === "concat" || node.operation.kind === "slice";

/**
 * Decides what is fused.
 *
 * 1. A kernel's output that only one pointwise operation reads is never stored: the operation moves into the kernel's
 *    store slot, and the next one after it as well. Late kernels choose first, so that a sum of two gradients is
 *    formed in the kernel that finishes last.
 *    Where that is the sum of a 3×3 and a 1×1 convolution, the one kernel computes both: the gradients of the two ways
 *    through a residual block.
 * 2. Other pointwise results are pasted into the loads of their readers, where all of these can take them. Where loads
 *    are dear, not what is made of several images for a kernel that loads each element again and again.
 * 3. Sums by channel ride in the store of the kernel that makes their operand. Max-pooling rides in a 1×1 convolution's.
 *
 * @param required tensors that must exist in memory (a program's outputs).
 */
export function fuse(
  nodes: readonly Node[],
  required: ReadonlySet<Tensor>,
  { enabled, loadsAreDear }: FusionOptions,
): Fusion {
  const virtual = new Set<Tensor>();
  const stored = new Map<Node, readonly Tensor[]>();
  const riding = new Map<Tensor, Node[]>();
  const shortcuts = new Map<Node, Node>();
  const pools = new Map<Node, Node>();
  if (!enabled) return { virtual, stored, shortcuts, pools, riding };

  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const tensor of readInputs(node)) readers.set(tensor, [...(readers.get(tensor) ?? []), node]);
  }
  const claimed = new Set<Node>();

  for (const node of nodes) {
    const pair = twoConvolutions(node, readers, required);
    if (pair !== undefined) shortcuts.set(pair.wide, pair.narrow);
  }
  const absorbed = new Set(shortcuts.values());

  for (const node of [...nodes].reverse()) {
    const { operation } = node;
    if (operation.kind !== "kernel" || operation.store === undefined || absorbed.has(node)) continue;
    let root = node.outputs[0] as Tensor;
    const chain = [root];
    let leaves = 0;
    for (;;) {
      const [reader, ...others] = readers.get(root) ?? [];
      if (reader === undefined || others.length > 0 || required.has(root) || claimed.has(reader)) break;
      if (reader.operation.kind !== "pointwise") break;
      const next = reader.outputs[0] as Tensor;
      const position = reader.inputs.indexOf(root);
      if (!sameShape(next.shape, root.shape) || reader.operation.coefficients?.includes(position)) break;
      // What the kernel reads in its store must be there before it runs: no other output of its own.
      if (readInputs(reader).some((each) => each !== root && dependsOn(each, node))) break;
      // Of a sum with a shortcut the kernel holds both parts.
      if (chain.length > 1 || !shortcuts.has(node)) leaves += readInputs(reader).length - 1;
      if (leaves > maxLeaves) break;
      claimed.add(reader);
      root = next;
      chain.push(root);
    }
    stored.set(node, chain);
  }

  const storedBy = new Map([...stored].map(([node, chain]) => [chain.at(-1) as Tensor, node]));
  for (const node of nodes) {
    if (node.operation.kind !== "kernel" || node.operation.pools !== true) continue;
    const maker = storedBy.get(node.inputs[0] as Tensor);
    const { convolution } = (maker?.operation ?? {}) as Partial<KernelOperation>;
    const narrow = convolution?.family === "conv1x1" && convolution.direction === "forward";
    if (maker !== undefined && narrow && !pools.has(maker) && stored.get(node)?.length === 1) pools.set(maker, node);
  }

  const leavesOf = (tensor: Tensor): Set<Tensor> => {
    const leaves = new Set<Tensor>();
    for (const each of readInputs(tensor.node)) {
      if (virtual.has(each)) for (const leaf of leavesOf(each)) leaves.add(leaf);
      else leaves.add(each);
    }
    return leaves;
  };
  const canTake = (reader: Node, tensor: Tensor): boolean => {
    const { operation } = reader;
    const positions = reader.inputs.flatMap((each, i) => (each === tensor ? [i] : []));
    if (operation.kind === "pointwise") return !positions.some((i) => operation.coefficients?.includes(i));
    if (operation.kind === "concat" || operation.kind === "slice") return true;
    if (operation.kind === "statistics") return positions.every((i) => i === 1);
    return operation.kind === "kernel" && positions.every((i) => operation.slotInputs?.includes(i));
  };
  for (const node of nodes) {
    if (!isExpression(node) || claimed.has(node)) continue;
    const tensor = node.outputs[0] as Tensor;
    const users = readers.get(tensor) ?? [];
    if (required.has(tensor) || !users.every((reader) => canTake(reader, tensor))) continue;
    const leaves = leavesOf(tensor);
    const images = [...leaves].filter(({ shape }) => shape.length === 4 && sizeOf(shape) === sizeOf(tensor.shape));
    const reread = users.some(({ operation }) => operation.kind === "kernel" && operation.rereads === true);
    if (loadsAreDear && node.operation.kind === "pointwise" && images.length > 1 && reread) continue;
    if (leaves.size <= maxLeaves) virtual.add(tensor);
  }

  // What can be summed by channel as it is stored, with the node whose kernel does so.
  const summable = new Map<Tensor, Node>();
  for (const [node, chain] of stored) {
    if (node.operation.kind === "kernel" && node.operation.store === "statistics") {
      summable.set(chain.at(-1) as Tensor, node);
    }
  }
  for (const node of nodes) {
    if (!isExpression(node)) continue;
    const tensor = node.outputs[0] as Tensor;
    if (!claimed.has(node) && !virtual.has(tensor)) summable.set(tensor, node);
  }
  for (const node of nodes) {
    if (node.operation.kind !== "statistics") continue;
    const [x, second] = node.inputs as readonly [Tensor, Tensor | undefined];
    const maker = summable.get(x);
    if (maker === undefined) continue;
    const isThere = (leaf: Tensor): boolean => leaf === x || (leaf.id < x.id && !dependsOn(leaf, maker));
    if (second !== undefined && !(virtual.has(second) && [...leavesOf(second)].every(isThere))) continue;
    const together = riding.get(x) ?? [];
    if (together.every((other) => compatible(other, node))) {
      // The one with a second operand serves those without.
      riding.set(x, second === undefined ? [...together, node] : [node, ...together]);
    }
  }
  return { virtual, stored, shortcuts, pools, riding };
}

/** Whether a tensor is computed inside the kernel that reads it, and so never stored. */
export function pastedBy({ virtual, shortcuts }: Fusion): (tensor: Tensor) => boolean {
  const inside = new Set([...shortcuts.values()].flatMap(({ outputs }) => outputs));
  return (tensor) => virtual.has(tensor) || inside.has(tensor);
}

/** The 3×3 and the 1×1 convolution whose sum the node is, if nothing else reads them. */
function twoConvolutions(
  { operation, inputs, outputs }: Node,
  readers: ReadonlyMap<Tensor, readonly Node[]>,
  required: ReadonlySet<Tensor>,
): { readonly wide: Node; readonly narrow: Node } | undefined {
  if (operation.kind !== "pointwise" || operation.name !== "add") return undefined;
  const of = (family: ConvolutionCall["family"]): Node | undefined =>
    inputs.find(({ node }) => node.operation.kind === "kernel" && node.operation.convolution?.family === family)?.node;
  const [wide, narrow] = [of("conv3x3"), of("conv1x1")];
  const alone = inputs.every(
    (each) => readers.get(each)?.length === 1 && !required.has(each) && sameShape(each.shape, outputs[0]?.shape ?? []),
  );
  return wide && narrow && alone ? { wide, narrow } : undefined;
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

const compatible = (a: Node, b: Node): boolean =>
  (a.operation as StatisticsOperation).mode === "sums" &&
  (b.operation as StatisticsOperation).mode === "sums" &&
  (a.inputs.length === 1 || b.inputs.length === 1);
