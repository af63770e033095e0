import { add, type Image } from "@lobule/tensor";
import { activate } from "../layers/activation.js";
import { AveragePool2d } from "../layers/average-pool2d.js";
import type { LayerStyle } from "../layers/normalization.js";
import { Module } from "../module.js";
import { ConvNorm, type ConvNormOptions } from "./conv-norm.js";

/** Sizes and style of a {@link ResBlockD}; pairs are of rows, then of columns. */
export interface ResBlockDOptions extends Required<Omit<ConvNormOptions, "style">> {
  readonly style: LayerStyle;
}

/**
 * Residual block that may have a stride: act(conv2(act(conv1(x))) + skip(x)), a normalization after each convolution and
 * the stride in the first. The skip is the mean of each block of `stride` pixels, then a 1×1 convolution without bias
 * and its normalization where in ≠ out; nothing where there is no stride and in = out. x [n, in, h, w] →
 * [n, out, h/sy, w/sx].
 *
 * Source: He et al. 2019, "Bag of tricks for image classification", fig. 2c (ResNet-D).
 */
export class ResBlockD extends Module {
  readonly conv1: ConvNorm;
  readonly conv2: ConvNorm;
  readonly pool: AveragePool2d | undefined;
  readonly skip: ConvNorm | undefined;
  readonly style: LayerStyle;

  constructor({ stride, scope, ...options }: ResBlockDOptions) {
    super();
    const { inChannels, outChannels, style } = options;
    this.conv1 = new ConvNorm({ ...options, stride, scope: scope.child("conv1") });
    this.conv2 = new ConvNorm({ ...options, inChannels: outChannels, scope: scope.child("conv2") });
    this.pool = stride[0] * stride[1] > 1 ? new AveragePool2d(stride) : undefined;
    this.skip =
      inChannels === outChannels
        ? undefined
        : new ConvNorm({ ...options, kernelSize: [1, 1], bias: false, scope: scope.child("skip") });
    this.style = style;
  }

  /** @throws ShapeError when x does not have `inChannels` channels, or h or w is no multiple of its stride. */
  forward(x: Image): Image {
    const { activation } = this.style;
    const main = this.conv2.forward(activate(activation, this.conv1.forward(x)));
    const pooled = this.pool === undefined ? x : this.pool.forward(x);
    return activate(activation, add(main, this.skip === undefined ? pooled : this.skip.forward(pooled)));
  }
}
