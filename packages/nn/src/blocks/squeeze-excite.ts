import { globalAveragePool, type Image, multiply, relu, sigmoid } from "@lobule/tensor";
import { Conv2d } from "../layers/conv2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link SqueezeExcite}. */
export interface SqueezeExciteOptions<C extends number> {
  readonly channels: C;
  /** Channels between the two layers are those of x over this, at least one; 8 by default. */
  readonly reduction?: number;
  readonly scope?: Scope;
}

/**
 * Weighs channels by what the whole image holds: y = σ(W₂·relu(W₁·mean(x) + b₁) + b₂) ⊙ x. x [n, c, h, w] → [n, c, h, w].
 *
 * Source: Hu et al. 2018, "Squeeze-and-excitation networks", eq. 2 to 4 (with biases).
 */
export class SqueezeExcite<const C extends number> extends Module {
  readonly squeeze: Conv2d<C, number, 1>;
  readonly excite: Conv2d<number, C, 1>;

  constructor({ channels, reduction = 8, scope = new Scope() }: SqueezeExciteOptions<C>) {
    super();
    const between: number = Math.max(Math.floor(channels / reduction), 1);
    this.squeeze = new Conv2d({
      inChannels: channels,
      outChannels: between,
      kernelSize: 1,
      scope: scope.child("squeeze"),
    });
    this.excite = new Conv2d({
      inChannels: between,
      outChannels: channels,
      kernelSize: 1,
      scope: scope.child("excite"),
    });
  }

  /** @throws ShapeError when x does not have `channels` channels. */
  forward(x: Image<C>): Image<C> {
    const inner = relu(this.squeeze.forward(globalAveragePool(x)));
    return multiply(x, sigmoid(this.excite.forward(inner))) as Image<C>;
  }
}
