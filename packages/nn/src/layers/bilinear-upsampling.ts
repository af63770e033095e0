import { type Image, upsampleBilinear2x } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";
import { Conv2d } from "./conv2d.js";

/** Sizes of a {@link BilinearUpsampling}. */
export interface BilinearUpsamplingOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  readonly scope?: Scope;
}

/**
 * Bilinear interpolation to twice the sides, then a 3×3 convolution with bias. x [n, in, h, w] → [n, out, 2h, 2w].
 *
 * Unlike a transposed convolution it cannot leave a checkerboard. Source: Odena et al. 2016.
 */
export class BilinearUpsampling<const In extends number, const Out extends number> extends Module {
  readonly conv: Conv2d<In, Out, 3>;

  constructor({ inChannels, outChannels, scope = new Scope() }: BilinearUpsamplingOptions<In, Out>) {
    super();
    this.conv = new Conv2d({ inChannels, outChannels, kernelSize: 3, scope: scope.child("conv") });
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    return this.conv.forward(upsampleBilinear2x(x));
  }
}
