import type { Image } from "@lobule/tensor";
import { activate } from "../layers/activation.js";
import { Conv2d } from "../layers/conv2d.js";
import {
  type LayerStyle,
  type NormalizationLayer,
  normalizationLayer,
  referenceStyle,
} from "../layers/normalization.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes and style of a {@link PlainBlock}. */
export interface PlainBlockOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Batch normalization and ReLU by default. */
  readonly style?: LayerStyle;
  readonly scope?: Scope;
}

/**
 * Two 3×3 convolutions without bias, each followed by normalization and activation. x [n, in, h, w] → [n, out, h, w].
 *
 * The normalizations are called bn1 and bn2 whatever their kind, so that a state dict's names stay.
 * Source: Ronneberger et al. 2015 (U-Net), padded and normalized.
 */
export class PlainBlock<const In extends number, const Out extends number> extends Module {
  readonly conv1: Conv2d<In, Out, 3>;
  readonly bn1: NormalizationLayer<Out>;
  readonly conv2: Conv2d<Out, Out, 3>;
  readonly bn2: NormalizationLayer<Out>;
  readonly style: LayerStyle;

  constructor({ inChannels, outChannels, style = referenceStyle, scope = new Scope() }: PlainBlockOptions<In, Out>) {
    super();
    const conv = { outChannels, kernelSize: 3, bias: false } as const;
    this.conv1 = new Conv2d({ ...conv, inChannels, scope: scope.child("conv1") });
    this.bn1 = normalizationLayer(style, outChannels, scope.child("bn1"));
    this.conv2 = new Conv2d({ ...conv, inChannels: outChannels, scope: scope.child("conv2") });
    this.bn2 = normalizationLayer(style, outChannels, scope.child("bn2"));
    this.style = style;
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const { activation } = this.style;
    const inner = activate(activation, this.bn1.forward(this.conv1.forward(x)));
    return activate(activation, this.bn2.forward(this.conv2.forward(inner)));
  }
}
