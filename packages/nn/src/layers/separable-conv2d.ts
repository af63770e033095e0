import type { Image } from "@lobule/tensor";
import { Module } from "../module.js";
import { Scope } from "../scope.js";
import { Conv2d } from "./conv2d.js";
import { DepthwiseConv2d } from "./depthwise-conv2d.js";

/** Sizes of a {@link SeparableConv2d}. */
export interface SeparableConv2dOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  readonly scope?: Scope;
}

/**
 * Depthwise separable convolution without bias: a depthwise 3×3 convolution, then a 1×1 convolution, nothing between.
 * x [n, in, h, w] → [n, out, h, w]. It has 9·in + in·out weights in place of the 9·in·out of a 3×3 convolution.
 *
 * Source: Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions".
 */
export class SeparableConv2d<const In extends number, const Out extends number> extends Module {
  readonly depthwise: DepthwiseConv2d<In>;
  readonly pointwise: Conv2d<In, Out, 1>;

  constructor({ inChannels, outChannels, scope = new Scope() }: SeparableConv2dOptions<In, Out>) {
    super();
    this.depthwise = new DepthwiseConv2d({ channels: inChannels, bias: false, scope: scope.child("depthwise") });
    this.pointwise = new Conv2d({
      inChannels,
      outChannels,
      kernelSize: 1,
      bias: false,
      scope: scope.child("pointwise"),
    });
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    return this.pointwise.forward(this.depthwise.forward(x));
  }
}
