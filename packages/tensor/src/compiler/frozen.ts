import { constantData, type Node, type Operand, storageOf, type Tensor } from "../graph/tensor.js";
import { Variable, VariableGroup } from "../graph/variable.js";
import { PlanError } from "../shape.js";
import { type Call, type Calls, isTensor } from "./calls.js";
import { isExpression, readInputs } from "./fuse.js";

const isGiven = (tensor: Tensor): boolean => tensor instanceof Variable || constantData(tensor) !== undefined;

/**
 * The expressions that depend on variables and constants alone, and are read by something that does not: they are to be
 * stored, not computed again in every load.
 */
export function constantExpressions(nodes: readonly Node[]): Set<Tensor> {
  const constant = new Set<Tensor>();
  const found = new Set<Tensor>();
  for (const node of nodes) {
    const reads = node.operation.kind === "view" ? node.inputs : readInputs(node);
    if (node.outputs.every(isGiven) || (reads.length > 0 && reads.every((each) => constant.has(each)))) {
      for (const output of node.outputs) constant.add(output);
      continue;
    }
    for (const each of reads.map(storageOf)) if (constant.has(each) && isExpression(each.node)) found.add(each);
  }
  return found;
}

/**
 * The calls that depend on variables and constants alone are set apart, to be run when the program is loaded.
 * @throws PlanError when a call changes a variable.
 */
export function hoistConstants(planned: Calls): Calls {
  const homeOf = (operand: Operand): Operand =>
    isTensor(operand) ? (planned.placements.get(storageOf(operand))?.arena ?? storageOf(operand)) : operand;
  const isVariable = (operand: Operand): boolean => operand instanceof Variable || operand instanceof VariableGroup;
  const written = ({ operands }: Call): Operand[] =>
    operands.flatMap(({ access, operand }) => (access === "read_write" ? [homeOf(operand)] : []));

  const changing = planned.calls.find((call) => written(call).some(isVariable));
  if (changing !== undefined) {
    throw new PlanError(
      `${changing.label}: changes a variable, which is frozen; compile without frozen, or call eval()`,
    );
  }
  const once = new Set(planned.calls);
  for (let count = -1; count !== once.size; ) {
    count = once.size;
    const others = new Set(planned.calls.filter((call) => !once.has(call)).flatMap(written));
    const made = new Set<Operand>();
    for (const call of once) {
      const known = call.operands.every(({ access, operand }) => {
        const home = homeOf(operand);
        if (access === "read_write") return !others.has(home);
        return isVariable(home) || (isTensor(home) && constantData(home) !== undefined) || made.has(home);
      });
      if (!known) once.delete(call);
      else for (const home of written(call)) made.add(home);
    }
  }
  const prologue = planned.calls.filter((call) => once.has(call));
  const kept = new Set(prologue.flatMap(written));
  return {
    ...planned,
    prologue,
    calls: planned.calls.filter((call) => !once.has(call)),
    temporaryArenas: new Set([...planned.temporaryArenas].filter((arena) => !kept.has(arena))),
  };
}
