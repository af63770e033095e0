import type { Image, Vector } from "../graph/tensor.js";
import { asImage, DegenerateNormError, printShape, ShapeError } from "../shape.js";
import { normalizeByChannel } from "./batch-norm.js";
import { reshape } from "./channels.js";
import { add, multiply } from "./pointwise.js";

/** Parameters of a group normalization. */
export interface GroupNormOptions<C extends number = number> {
  /** γ, [c]. */
  readonly weight: Vector<C>;
  /** β, [c]. */
  readonly bias: Vector<C>;
  /** Groups of neighboring channels; c of them make it instance normalization. */
  readonly groups: number;
  /** Added to the variance. */
  readonly epsilon: number;
}

/**
 * Group normalization: y = γ·(x − mean)/√(variance + ε) + β, mean and (biased) variance over the pixels and channels of
 * each sample's group, in training and inference alike. x [n, c, h, w] → [n, c, h, w].
 *
 * Source: Wu and He 2018; with as many groups as channels Ulyanov et al. 2016 (instance normalization).
 * @throws ShapeError when the groups do not divide the channels or a vector does not have x's channels,
 * DegenerateNormError when a group holds one value only, so that nothing would be left of it.
 */
export function groupNorm<C extends number>(x: Image<C>, options: GroupNormOptions<NoInfer<C>>): Image<C> {
  const { weight, bias, groups, epsilon } = options;
  const { batch, channels, height, width } = asImage(x.shape);
  if (!(Number.isSafeInteger(groups) && groups > 0) || channels % groups !== 0) {
    throw new ShapeError(
      `groupNorm: ${groups} groups do not divide the ${channels} channels of x ${printShape(x.shape)}`,
    );
  }
  for (const [name, vector] of Object.entries({ weight, bias })) {
    if (vector.shape.length !== 1 || vector.shape[0] !== channels) {
      throw new ShapeError(
        `groupNorm: x ${printShape(x.shape)} has ${channels} channels, ${name} is ${printShape(vector.shape)}`,
      );
    }
  }
  const grouped = [1, batch * groups, (channels / groups) * height, width] as const;
  if (grouped[2] * width === 1) {
    throw new DegenerateNormError(
      `groupNorm: x ${printShape(x.shape)} has one value in a group, and normalizing it leaves nothing; use larger images, less depth or batch normalization`,
    );
  }
  const perChannel = (vector: Vector<C>) => reshape(vector, [1, vector.shape[0], 1, 1]);
  const normalized = reshape(normalizeByChannel(reshape(x, grouped), epsilon), x.shape);
  return add(multiply(normalized, perChannel(weight)), perChannel(bias));
}
