import { bytesPerElement } from "@lobule/kernels-wgsl";
import { apply } from "../graph/apply.js";
import type { Node, Operation, Tensor } from "../graph/tensor.js";
import { sizeOf } from "../shape.js";
import { type Fusion, isExpression, pastedBy } from "./fuse.js";
import { chooseRepeats, type Repeats, type Schedule, simulate } from "./schedule.js";
import { leavesOf, type Step, stepsOf } from "./steps.js";
import type { StorageType } from "./storage.js";

/** FLOPs that take as long as moving a byte does: about what GPUs balance at in f32. */
const flopsPerByte = 16;

/**
 * How much is made again: enough to keep half of what would be alive at once, whatever that costs; or only what costs
 * neither a byte nor a FLOP more, because it is not made any earlier then.
 */
export type RecomputeAmount = "half" | "free";

/** A graph with what was decided on it. */
export interface Arranged {
  /** Inputs first. */
  readonly nodes: readonly Node[];
  /** Tensors that lie in memory of their own. */
  readonly required: ReadonlySet<Tensor>;
  readonly storageType: StorageType;
  readonly fusion: Fusion;
}

/**
 * The same results, with tensors that are cheap to compute made again where they are read late, instead of kept: the
 * part of the graph behind the first of these is built anew, each copy right before its first reader. Only what can be
 * run again for the same bits is ({@link KernelOperation.repeatable}, pointwise operations), so no state changes twice.
 * @returns where each of the roots is to be found.
 */
export function recompute(
  roots: readonly Tensor[],
  { nodes, required, fusion, storageType }: Arranged,
  amount: RecomputeAmount,
): Tensor[] {
  const steps = stepsOf(nodes, fusion);
  const original = new Set(nodes);
  const pasted = pastedBy(fusion);
  const isPasted = (tensor: Tensor): boolean => pasted(tensor) || !original.has(tensor.node);
  const expressions = new Map<Tensor, Tensor>();
  for (const { root, chain } of steps) {
    const again = root.operation.kind === "kernel" ? root.operation.repeatable?.expression : undefined;
    if (again === undefined) continue;
    const [end] = continued(again(root.inputs, root.outputs), chain).slice(-1);
    expressions.set(chain.at(-1) as Tensor, end as Tensor);
  }
  const tensors = steps.flatMap(({ writes }) => writes);
  const bytesOf = (tensor: Tensor): number =>
    required.has(tensor) ? 0 : sizeOf(tensor.shape) * bytesPerElement[storageType(tensor)];
  const schedule = scheduleOf(steps, tensors, required, bytesOf, (tensor) => {
    const expression = expressions.get(tensor);
    return expression && leavesOf(expression, isPasted);
  });
  const asItIs = simulate(
    schedule,
    steps.map(() => new Set()),
  );
  const goal = amount === "half" ? { bytes: asItIs.peak / 2, cost: Infinity } : { bytes: 0, cost: asItIs.cost };
  const repeats = chooseRepeats(schedule, goal);
  return repeats.every(({ size }) => size === 0)
    ? [...roots]
    : rebuild({ roots, steps, isPasted, expressions, schedule, tensors, repeats });
}

function scheduleOf(
  steps: readonly Step[],
  tensors: readonly Tensor[],
  required: ReadonlySet<Tensor>,
  bytesOf: (tensor: Tensor) => number,
  pastedFrom: (tensor: Tensor) => ReadonlySet<Tensor> | undefined,
): Schedule {
  const numbers = new Map(tensors.map((tensor, i) => [tensor, i]));
  const listOf = (set: Iterable<Tensor>): number[] => [...set].flatMap((tensor) => numbers.get(tensor) ?? []);
  const maker: (number | undefined)[] = tensors.map(() => undefined);
  const scheduled = steps.map(({ root, chain, riders, reads, writes }, step) => {
    const end = chain.at(-1) as Tensor;
    const { operation } = root;
    const flops = operation.kind === "kernel" ? operation.repeatable?.flops : isExpression(root) ? 0 : undefined;
    if (flops !== undefined && !required.has(end)) maker[numbers.get(end) as number] = step;
    const moved = [...reads, ...writes].reduce((sum, tensor) => sum + bytesOf(tensor), 0);
    return {
      ...{ reads: listOf(reads), writes: listOf(writes), cost: moved + (flops ?? 0) / flopsPerByte },
      repeatable: flops !== undefined && riders.length === 0 && !writes.some((tensor) => required.has(tensor)),
    };
  });
  const pasted = tensors.map((tensor) => {
    const from = pastedFrom(tensor);
    return from && listOf(from);
  });
  return { steps: scheduled, bytes: tensors.map(bytesOf), maker, pasted };
}

interface Rebuilding {
  readonly roots: readonly Tensor[];
  readonly steps: readonly Step[];
  readonly isPasted: (tensor: Tensor) => boolean;
  readonly expressions: ReadonlyMap<Tensor, Tensor>;
  readonly schedule: Schedule;
  /** By their numbers in the schedule. */
  readonly tensors: readonly Tensor[];
  readonly repeats: Repeats;
}

function rebuild({ roots, steps, isPasted, expressions, schedule, tensors, repeats }: Rebuilding): Tensor[] {
  /** The latest copy of each stored tensor. */
  const copies = new Map<Tensor, Tensor>();
  const expressed = new Set<Tensor>();
  const known = new Map<Tensor, { readonly inputs: readonly Tensor[]; readonly output: Tensor }>();
  const now = (tensor: Tensor): Tensor => {
    const copy = copies.get(tensor);
    if (copy !== undefined) return copy;
    if (expressed.has(tensor)) return now(expressions.get(tensor) as Tensor);
    const { operation, inputs, outputs } = tensor.node;
    if (operation.kind !== "view" && !isPasted(tensor)) return tensor;
    const latest = inputs.map(now);
    if (same(latest, inputs)) return tensor;
    const before = known.get(tensor);
    if (before !== undefined && same(before.inputs, latest)) return before.output;
    const output = apply(operation, latest, outputs)[tensor.index] as Tensor;
    known.set(tensor, { inputs: latest, output });
    return output;
  };
  const run = ({ root, chain, riders }: Step, again: boolean): void => {
    const outputs = apply(moved(root.operation, now), root.inputs.map(now), root.outputs);
    const copied = continued(outputs[0] as Tensor, chain, now);
    if (again) {
      copies.set(chain.at(-1) as Tensor, copied.at(-1) as Tensor);
      return;
    }
    root.outputs.forEach((output, i) => {
      copies.set(output, outputs[i] as Tensor);
    });
    chain.forEach((each, i) => {
      copies.set(each, copied[i] as Tensor);
    });
    for (const { operation, inputs, outputs: sums } of riders) {
      copies.set(sums[0] as Tensor, apply(operation, inputs.map(now), sums)[0] as Tensor);
    }
  };

  const { runs, needed } = simulate(schedule, repeats);
  let begun = false;
  let at = -1;
  runs.forEach(({ step, again, before }, time) => {
    for (const each of before === at ? [] : (repeats[before] ?? [])) {
      if (schedule.pasted[each] === undefined) continue;
      copies.delete(tensors[each] as Tensor);
      expressed.add(tensors[each] as Tensor);
      begun = true;
    }
    at = before;
    if (needed[time] !== true) return;
    begun ||= again !== undefined;
    // What follows is copied too where it has not changed: the planner goes by the order of creation.
    if (begun) run(steps[step] as Step, again !== undefined);
  });
  return roots.map(now);
}

const same = (a: readonly Tensor[], b: readonly Tensor[]): boolean => a.every((each, i) => each === b[i]);

/** A chain again, from another first tensor on. */
function continued(
  first: Tensor,
  chain: readonly Tensor[],
  now: (tensor: Tensor) => Tensor = (tensor) => tensor,
): Tensor[] {
  const copied = [first];
  for (const { node, index } of chain.slice(1)) {
    const inputs = node.inputs.map((each) => copied[chain.indexOf(each)] ?? now(each));
    copied.push(apply(node.operation, inputs, node.outputs)[index] as Tensor);
  }
  return copied;
}

/** The operation, with the tensors that it wants in a place of a shared buffer exchanged. */
export function moved(operation: Operation, now: (tensor: Tensor) => Tensor): Operation {
  if (operation.kind !== "kernel" || operation.placements === undefined) return operation;
  return { ...operation, placements: operation.placements.map((each) => ({ ...each, tensor: now(each.tensor) })) };
}
