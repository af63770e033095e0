import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import { storageOf, type Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { sizeOf } from "../shape.js";
import type { Update } from "./adam.js";
import { groupsOf, mirrorOf, placeable, requireSame } from "./flat-gradients.js";

/**
 * Where a run is cut: in a U-Net the bridge and the levels beside it have nearly all parameters, and the first levels of the
 * encoder, whose gradients come last, a fifth of the work of a step.
 */
const usualCuts = [15 / 16];

/**
 * Leaves the gradients of a run in the variables `kept`, one a parameter; no dispatch.
 *
 * The run is cut into submissions, so that the gradients that are there first can be read while the rest is computed
 * (`Program.submissions` says which they are).
 * @param cuts shares of the elements of all gradients, ascending, each above 0 and below 1. A cut is where at least so many are
 * there, in the order in which the gradients are formed; 15/16 by default.
 * @throws ShapeError when the lists do not match.
 */
export function keepGradients(
  parameters: readonly Variable[],
  gradients: readonly Tensor[],
  kept: readonly Variable[],
  cuts: readonly number[] = usualCuts,
): Update {
  requireSame("keep gradients", parameters, { gradient: gradients, kept });
  for (const group of groupsOf(parameters)) mirrorOf("keep gradients", group, parameters, kept);
  const placed = placeable(gradients);
  const before = cutsOf(placed, cuts);
  return applyKernel({
    name: "keep-gradients",
    inputs: { placed },
    output: f32([1]),
    placements: placed.flatMap((tensor, i) => {
      const { group, offset } = kept[i] ?? {};
      return group === undefined || offset === undefined
        ? []
        : [{ tensor, arena: group, offset, cut: before.get(tensor) }];
    }),
    lower: () => undefined,
  });
}

/** The cut before which each gradient is there; none for the last ones. */
function cutsOf(gradients: readonly Tensor[], shares: readonly number[]): ReadonlyMap<Tensor, number> {
  const order = gradients.toSorted((a, b) => storageOf(a).id - storageOf(b).id);
  const total = order.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const result = new Map<Tensor, number>();
  let done = 0;
  for (const gradient of order) {
    const cut = shares.findIndex((share) => done < share * total);
    if (cut >= 0) result.set(gradient, cut);
    done += sizeOf(gradient.shape);
  }
  return result;
}
