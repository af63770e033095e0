import { Arena } from "../graph/arena.js";
import { storageOf, type Tensor } from "../graph/tensor.js";
import { groupVariables, Variable, type VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import { copy } from "./pointwise.js";

/** A flat buffer of parameters and the places in the list of those that live in it. */
export interface ParameterGroup {
  readonly group: VariableGroup;
  readonly indices: readonly number[];
}

/** Gradients laid out as the parameters are, so that one dispatch can take all of them. */
export interface FlatGradients {
  readonly groups: readonly ParameterGroup[];
  /** Where the gradients of each group lie. */
  readonly flats: readonly (Arena | VariableGroup)[];
  /** What must be written to `flats`; empty where the gradients are variables that lie there already. */
  readonly placed: readonly Tensor[];
  readonly placements: readonly { readonly tensor: Tensor; readonly arena: Arena; readonly offset: number }[];
}

/** @throws ShapeError when the lists do not match. */
export function flatGradients(
  what: string,
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
): FlatGradients {
  parameters.forEach((parameter, i) => {
    const gradient = gradients[i];
    if (gradient === undefined || !sameShape(gradient.shape, parameter.shape)) {
      throw new ShapeError(
        `${what}: ${parameter.name} is ${printShape(parameter.shape)}, its gradient ${gradient ? printShape(gradient.shape) : "is missing"}`,
      );
    }
  });
  groupVariables(parameters);
  const indices = new Map<VariableGroup, number[]>();
  parameters.forEach((parameter, i) => {
    const group = parameter.group as VariableGroup;
    indices.set(group, [...(indices.get(group) ?? []), i]);
  });
  const groups = [...indices].map(([group, list]) => ({ group, indices: list }));
  const kept = gradients.filter((gradient) => gradient instanceof Variable);
  if (kept.length === gradients.length) {
    return {
      groups,
      placed: [],
      placements: [],
      flats: groups.map(({ group }) => mirrorOf(what, group, parameters, kept)),
    };
  }
  const placed = placeable(gradients);
  const flats = groups.map(({ group }) => new Arena("gradients", group.length));
  const placements = groups.flatMap(({ group, indices: list }, at) =>
    list.map((i) => ({
      tensor: placed[i] as Tensor,
      arena: flats[at] as Arena,
      offset: (parameters[i] as Variable).offset - (group.offsets[0] ?? 0),
    })),
  );
  return { groups, flats, placed, placements };
}

/**
 * The gradients in a form that a kernel can write straight to its place in the flat buffer: what is no kernel's own
 * output, or is needed in two places, is copied.
 */
function placeable(gradients: readonly Tensor[]): Tensor[] {
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
 * @throws ShapeError when only some of the group's parameters are given, or the variables lie otherwise already.
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
  const ordered = group.variables.map((variable) => list[parameters.indexOf(variable)] as Variable);
  groupVariables(ordered);
  const mirrored = ordered[0]?.group as VariableGroup;
  if (
    ordered.some((each, i) => each.group !== mirrored || each.offset !== group.offsets[i]) ||
    mirrored.length !== group.length
  ) {
    throw new ShapeError(`${what}: the variables are already laid out for other parameters; make new ones`);
  }
  return mirrored;
}
