import { Arena, type FlatBuffer } from "../graph/flat-buffer.js";
import { type Placed, storageOf, type Tensor } from "../graph/tensor.js";
import { groupVariables, Variable, type VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import { copy } from "./pointwise.js";

/** Parameters that share a flat buffer, and their gradients in another one of the same layout. */
export interface FlatGroup {
  readonly group: VariableGroup;
  readonly gradients: FlatBuffer;
}

/** Gradients laid out as the parameters are, so that one dispatch can take all of them. */
export interface FlatGradients {
  readonly groups: readonly FlatGroup[];
  /** What must be written to the flat buffers; empty where the gradients are variables that are in such a buffer already. */
  readonly placed: readonly Tensor[];
  readonly placements: readonly Placed[];
}

/** @throws ShapeError when the lists do not match. */
export function flatGradients(
  what: string,
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
): FlatGradients {
  requireSame(what, parameters, { gradient: gradients });
  const groups = groupsOf(parameters);
  const kept = gradients.filter((gradient) => gradient instanceof Variable);
  if (kept.length === gradients.length) {
    const flat = groups.map((group) => ({ group, gradients: mirrorOf(what, group, parameters, kept) }));
    return { groups: flat, placed: [], placements: [] };
  }
  const placed = placeable(gradients);
  const arenas = new Map(groups.map((group) => [group, new Arena("gradients", group.length)]));
  return {
    groups: [...arenas].map(([group, arena]) => ({ group, gradients: arena })),
    placed,
    placements: [...arenas].flatMap(([group, arena]) =>
      placed.flatMap((tensor, i) => {
        const parameter = parameters[i];
        return parameter?.group === group ? [{ tensor, arena, offset: parameter.offset }] : [];
      }),
    ),
  };
}

/** Whether lists hold a tensor of its shape for each parameter. @throws ShapeError naming the first that does not. */
export function requireSame(
  what: string,
  parameters: readonly Variable[],
  lists: Readonly<Record<string, readonly Tensor[]>>,
): void {
  parameters.forEach(({ name, shape }, i) => {
    for (const [kind, list] of Object.entries(lists)) {
      const tensor = list[i];
      if (tensor === undefined || !sameShape(tensor.shape, shape)) {
        throw new ShapeError(
          `${what}: ${name} is ${printShape(shape)}, its ${kind} ${tensor ? printShape(tensor.shape) : "is missing"}`,
        );
      }
    }
  });
}

/** The flat buffers that variables are in; those in none yet get one. */
export function groupsOf(variables: readonly Variable[]): VariableGroup[] {
  groupVariables(variables);
  return [...new Set(variables.flatMap(({ group }) => group ?? []))];
}

/**
 * The gradients in a form that a kernel can write straight to its place in the flat buffer: what is no kernel's own
 * output, or is needed in two places, is copied.
 */
export function placeable(gradients: readonly Tensor[]): Tensor[] {
  const taken = new Set<Tensor>();
  return gradients.map((gradient) => {
    const base = storageOf(gradient);
    if (base.node.operation.kind !== "kernel" || taken.has(base)) return copy(gradient);
    taken.add(base);
    return gradient;
  });
}

/**
 * Variables that belong to the parameters of a group, one each (moments, sums of gradients), in a group of the same
 * layout.
 * @throws ShapeError when only some of the group's parameters are given, or the variables are laid out otherwise already.
 */
export function mirrorOf(
  what: string,
  group: VariableGroup,
  parameters: readonly Variable[],
  list: readonly Variable[],
): VariableGroup {
  const given = parameters.filter((parameter) => parameter.group === group).length;
  if (given !== group.variables.length) {
    throw new ShapeError(
      `${what}: ${given} of the ${group.variables.length} parameters that share a buffer are given; pass all of them, or group the others apart with groupVariables first`,
    );
  }
  const ordered = group.variables.flatMap((variable) => list[parameters.indexOf(variable)] ?? []);
  const [mirrored, ...others] = groupsOf(ordered);
  const sameOffsets = ordered.every((each, i) => each.offset === group.offsets[i]);
  if (mirrored === undefined || others.length > 0 || !sameOffsets || mirrored.length !== group.length) {
    throw new ShapeError(`${what}: the variables are already laid out for other parameters; make new ones`);
  }
  return mirrored;
}
