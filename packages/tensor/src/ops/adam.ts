import { adam as adamKernel } from "@lobule/kernels-wgsl";
import { Arena } from "../graph/arena.js";
import { apply, storageOf, type Tensor } from "../graph/tensor.js";
import { groupVariables, type Variable, type VariableGroup } from "../graph/variable.js";
import { printShape, ShapeError, sameShape } from "../shape.js";
import { copy } from "./pointwise.js";

/** A change of state that a program makes at the end of each run. */
export interface Update {
  readonly node: Tensor["node"];
}

/**
 * One Adam step on all parameters: one dispatch for each flat group that they live in.
 *
 * m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  p ← p − lr/bc₁ · m/(√v/√bc₂ + ε), bcᵢ = 1 − βᵢᵗ.
 *
 * `hyper` [8]: learningRate, 1 − β₁, 1 − β₂, epsilon, weightDecay (added to the gradient), bc₁, √bc₂,
 * decoupledWeightDecay (AdamW). Source: Kingma and Ba 2015, algorithm 1, in PyTorch's order of operations.
 * @throws ShapeError when the lists do not match.
 */
export function adam(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  firstMoments: readonly Variable[],
  secondMoments: readonly Variable[],
  hyper: Tensor<readonly [8], "f32">,
): Update {
  parameters.forEach((parameter, i) => {
    for (const [what, tensor] of Object.entries({
      gradient: gradients[i],
      firstMoment: firstMoments[i],
      secondMoment: secondMoments[i],
    })) {
      if (tensor === undefined || !sameShape(tensor.shape, parameter.shape)) {
        throw new ShapeError(
          `adam: ${parameter.name} is ${printShape(parameter.shape)}, its ${what} ${tensor ? printShape(tensor.shape) : "is missing"}`,
        );
      }
    }
  });
  groupVariables(parameters);
  const groups = new Map<VariableGroup, number[]>();
  parameters.forEach((parameter, i) => {
    const group = parameter.group as VariableGroup;
    groups.set(group, [...(groups.get(group) ?? []), i]);
  });
  const moments = [firstMoments, secondMoments].map((list) =>
    [...groups].map(([group, indices]) => mirrorOf(group, indices, parameters, list)),
  );
  const placed = placeable(gradients);
  const flats = [...groups].map(([group]) => new Arena("gradients", group.length));
  const [done] = apply(
    {
      kind: "kernel",
      name: "adam",
      placements: [...groups].flatMap(([group, indices], at) =>
        indices.map((i) => ({
          tensor: placed[i] as Tensor,
          arena: flats[at] as Arena,
          offset: (parameters[i] as Variable).offset - (group.offsets[0] ?? 0),
        })),
      ),
      lower: (lowering) => {
        [...groups.keys()].forEach((group, at) => {
          lowering.atEnd({
            kernel: adamKernel(group.length),
            bindings: {
              parameters: group,
              gradients: flats[at] as Arena,
              firstMoment: moments[0]?.[at] as VariableGroup,
              secondMoment: moments[1]?.[at] as VariableGroup,
              hyper,
            },
          });
        });
      },
    },
    [...placed, hyper],
    [{ shape: [1], dtype: "f32" }],
  );
  return { node: (done as Tensor).node };
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

/** The moments in a group of the parameters' own layout. */
function mirrorOf(
  group: VariableGroup,
  indices: readonly number[],
  parameters: readonly Variable[],
  moments: readonly Variable[],
): VariableGroup {
  if (indices.length !== group.variables.length) {
    throw new ShapeError(
      `adam: ${indices.length} of the ${group.variables.length} parameters that share a buffer are given; pass all of them, or group the others apart with groupVariables first`,
    );
  }
  const ordered = group.variables.map((variable) => moments[parameters.indexOf(variable)] as Variable);
  groupVariables(ordered);
  const mirrored = ordered[0]?.group as VariableGroup;
  if (
    ordered.some((moment, i) => moment.group !== mirrored || moment.offset !== group.offsets[i]) ||
    mirrored.length !== group.length
  ) {
    throw new ShapeError("adam: the moments are already laid out for other parameters; make new ones");
  }
  return mirrored;
}
