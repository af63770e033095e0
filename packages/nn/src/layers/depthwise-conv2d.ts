import { addBias, depthwiseConv3x3, type Image, type Variable } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link DepthwiseConv2d}. */
export interface DepthwiseConv2dOptions<C extends number> {
  readonly channels: C;
  /** Whether a bias is added; true by default. */
  readonly bias?: boolean;
  readonly scope?: Scope;
}

/**
 * Depthwise 3×3 convolution, padding 1, stride 1: every channel has a weight of its own. x [n, c, h, w] → [n, c, h, w].
 *
 * weight [c, 1, 3, 3] and bias [c] start from U(−1/3, 1/3).
 */
export class DepthwiseConv2d<const C extends number> extends Module {
  readonly weight: Variable<readonly [C, 1, 3, 3]>;
  readonly bias: Variable<readonly [C]> | undefined;

  constructor({ channels, bias = true, scope = new Scope() }: DepthwiseConv2dOptions<C>) {
    super();
    this.weight = scope.uniform("weight", [channels, 1, 3, 3] as const, 9);
    this.bias = bias ? scope.uniform("bias", [channels] as const, 9) : undefined;
  }

  /** @throws ShapeError when x does not have `channels` channels. */
  forward(x: Image<C>): Image<C> {
    const output = depthwiseConv3x3(x, this.weight);
    return this.bias === undefined ? output : addBias(output, this.bias);
  }
}
