import { groupNorm, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Settings of a {@link GroupNorm}. */
export interface GroupNormOptions<C extends number> {
  readonly channels: C;
  /** Groups of neighboring channels that are normalized together; as many as channels are instance normalization. */
  readonly groups: number;
  /** Added to the variance; 1e-5 by default. */
  readonly epsilon?: number;
  readonly scope?: Scope;
}

/**
 * Group normalization with γ and β by channel; nothing is kept from one batch to the next. x [n, c, h, w] →
 * [n, c, h, w]. Source: Wu and He 2018.
 */
export class GroupNorm<const C extends number> extends Module {
  readonly groups: number;
  readonly epsilon: number;
  readonly weight: Variable<readonly [C]>;
  readonly bias: Variable<readonly [C]>;

  constructor({ channels, groups, epsilon = 1e-5, scope = new Scope() }: GroupNormOptions<C>) {
    super();
    this.groups = groups;
    this.epsilon = epsilon;
    this.weight = scope.filled("weight", [channels] as const, 1, "parameter");
    this.bias = scope.filled("bias", [channels] as const, 0, "parameter");
  }

  /** @throws ShapeError when x does not have `channels` channels, or a group holds one value only. */
  forward(x: Image<C>): Image<C> {
    const { weight, bias, groups, epsilon } = this;
    return groupNorm(x, { weight, bias, groups, epsilon });
  }
}
