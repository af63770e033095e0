import { bytesPerElement } from "@lobule/kernels-wgsl";
import { apply } from "../graph/apply.js";
import { elementAt, last, type Node, type NonEmpty, type Operation, type Tensor } from "../graph/tensor.js";
import { sizeOf } from "../shape.js";
import { type Fusion, inlinedBy, isExpression } from "./fuse.js";
import { chooseRepeats, type Repeats, type Schedule, simulate } from "./schedule.js";
import { leavesOf, type Step } from "./steps.js";
import type { StorageType } from "./storage.js";

/** FLOPs that take as long as moving a byte does: about what GPUs balance at in f32. */
const flopsPerByte = 16;

/**
 * How much is rematerialized: enough to halve the peak live memory, whatever that costs; or only what costs neither a
 * byte nor a FLOP more, because it is not computed any earlier then.
 */
export type RecomputeAmount = "half" | "free";

/** A graph with what was decided on it. */
export interface Arranged {
  /** Inputs first. */
  readonly nodes: readonly Node[];
  /** Tensors that have memory of their own. */
  readonly required: ReadonlySet<Tensor>;
  readonly storageType: StorageType;
  readonly fusion: Fusion;
  /** What runs, in order. */
  readonly steps: readonly Step[];
}

/**
 * The same results, with tensors that are cheap to compute rematerialized where they are read late, instead of kept: the
 * part of the graph behind the first of these is built anew, each copy right before its first reader. Only what gives the
 * same bits when it is run again is ({@link KernelOperation.repeatable}, pointwise operations), so no state changes twice.
 * @returns where each of the roots is to be found.
 */
export function recompute(
  roots: readonly Tensor[],
  { nodes, required, fusion, storageType, steps }: Arranged,
  amount: RecomputeAmount,
): Tensor[] {
  const original = new Set(nodes);
  const inlined = inlinedBy(fusion);
  const isInlined = (tensor: Tensor): boolean => inlined(tensor) || !original.has(tensor.node);
  const expressions = new Map<Tensor, Tensor>();
  for (const { root, chain } of steps) {
    const again = root.operation.kind === "kernel" ? root.operation.repeatable?.expression : undefined;
    if (again === undefined) continue;
    expressions.set(last(chain), last(continued(again(root.inputs, root.outputs), chain)));
  }
  const tensors = steps.flatMap(({ writes }) => writes);
  const bytesOf = (tensor: Tensor): number =>
    required.has(tensor) ? 0 : sizeOf(tensor.shape) * bytesPerElement[storageType(tensor)];
  const schedule = scheduleOf(steps, tensors, required, bytesOf, (tensor) => {
    const expression = expressions.get(tensor);
    return expression && leavesOf(expression, isInlined);
  });
  const asItIs = simulate(
    schedule,
    steps.map(() => new Set()),
  );
  const goal = amount === "half" ? { bytes: asItIs.peak / 2, cost: Infinity } : { bytes: 0, cost: asItIs.cost };
  const repeats = chooseRepeats(schedule, goal);
  return repeats.every(({ size }) => size === 0)
    ? [...roots]
    : rebuild({ roots, steps, isInlined, expressions, schedule, tensors, repeats });
}

function scheduleOf(
  steps: readonly Step[],
  tensors: readonly Tensor[],
  required: ReadonlySet<Tensor>,
  bytesOf: (tensor: Tensor) => number,
  inlinedFrom: (tensor: Tensor) => ReadonlySet<Tensor> | undefined,
): Schedule {
  const numbers = new Map(tensors.map((tensor, i) => [tensor, i]));
  const listOf = (set: Iterable<Tensor>): number[] => [...set].flatMap((tensor) => numbers.get(tensor) ?? []);
  const maker: (number | undefined)[] = tensors.map(() => undefined);
  const scheduled = steps.map(({ root, chain, statistics, reads, writes }, step) => {
    const end = last(chain);
    const { operation } = root;
    const flops = operation.kind === "kernel" ? operation.repeatable?.flops : isExpression(root) ? 0 : undefined;
    const index = numbers.get(end);
    if (flops !== undefined && index !== undefined && !required.has(end)) maker[index] = step;
    const moved = [...reads, ...writes].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    return {
      reads: listOf(reads),
      writes: listOf(writes),
      cost: moved + (flops ?? 0) / flopsPerByte,
      repeatable: flops !== undefined && statistics.length === 0 && !writes.some((tensor) => required.has(tensor)),
    };
  });
  const inlined = tensors.map((tensor) => {
    const from = inlinedFrom(tensor);
    return from && listOf(from);
  });
  return { steps: scheduled, bytes: tensors.map(bytesOf), maker, inlined };
}

interface Rebuilding {
  readonly roots: readonly Tensor[];
  readonly steps: readonly Step[];
  readonly isInlined: (tensor: Tensor) => boolean;
  readonly expressions: ReadonlyMap<Tensor, Tensor>;
  readonly schedule: Schedule;
  /** By their index in the schedule. */
  readonly tensors: readonly Tensor[];
  readonly repeats: Repeats;
}

function rebuild({ roots, steps, isInlined, expressions, schedule, tensors, repeats }: Rebuilding): Tensor[] {
  /** The latest copy of each stored tensor. */
  const copies = new Map<Tensor, Tensor>();
  const expressed = new Set<Tensor>();
  const known = new Map<Tensor, { readonly inputs: readonly Tensor[]; readonly output: Tensor }>();
  const now = (tensor: Tensor): Tensor => {
    const copy = copies.get(tensor);
    if (copy !== undefined) return copy;
    const expression = expressed.has(tensor) ? expressions.get(tensor) : undefined;
    if (expression !== undefined) return now(expression);
    const { operation, inputs, outputs } = tensor.node;
    if (operation.kind !== "view" && !isInlined(tensor)) return tensor;
    const latest = inputs.map(now);
    if (same(latest, inputs)) return tensor;
    const before = known.get(tensor);
    if (before !== undefined && same(before.inputs, latest)) return before.output;
    const output = elementAt(apply(operation, latest, outputs), tensor.index);
    known.set(tensor, { inputs: latest, output });
    return output;
  };
  const run = ({ root, chain, statistics }: Step, again: boolean): void => {
    const outputs = apply(moved(root.operation, now), root.inputs.map(now), root.outputs);
    const copied = continued(outputs[0], chain, now);
    if (again) {
      copies.set(last(chain), last(copied));
      return;
    }
    setAll(copies, root.outputs, outputs);
    setAll(copies, chain, copied);
    for (const { operation, inputs, outputs: sums } of statistics) {
      setAll(copies, sums, apply(operation, inputs.map(now), sums));
    }
  };

  const { runs, needed } = simulate(schedule, repeats);
  let begun = false;
  let at = -1;
  runs.forEach(({ step, again, before }, time) => {
    for (const index of before === at ? [] : (repeats[before] ?? [])) {
      if (schedule.inlined[index] === undefined) continue;
      copies.delete(elementAt(tensors, index));
      expressed.add(elementAt(tensors, index));
      begun = true;
    }
    at = before;
    if (needed[time] !== true) return;
    begun ||= again !== undefined;
    // What follows is copied too where it has not changed: steps run in the order of creation.
    if (begun) run(elementAt(steps, step), again !== undefined);
  });
  return roots.map(now);
}

function setAll(copies: Map<Tensor, Tensor>, from: readonly Tensor[], to: readonly Tensor[]): void {
  for (const [i, tensor] of from.entries()) copies.set(tensor, elementAt(to, i));
}

const same = (a: readonly Tensor[], b: readonly Tensor[]): boolean => a.every((each, i) => each === b[i]);

/** A chain again, from another first tensor on. */
function continued(
  first: Tensor,
  chain: NonEmpty<Tensor>,
  now: (tensor: Tensor) => Tensor = (tensor) => tensor,
): NonEmpty<Tensor> {
  let copied: NonEmpty<Tensor> = [first];
  for (const { node } of chain.slice(1)) {
    const inputs = node.inputs.map((each) => copied[chain.indexOf(each)] ?? now(each));
    copied = [...copied, apply(node.operation, inputs, node.outputs)[0]];
  }
  return copied;
}

/** The operation, with the tensors that it wants in a shared buffer exchanged. */
export function moved(operation: Operation, now: (tensor: Tensor) => Tensor): Operation {
  if (operation.kind !== "kernel" || operation.placements === undefined) return operation;
  return { ...operation, placements: operation.placements.map((each) => ({ ...each, tensor: now(each.tensor) })) };
}
