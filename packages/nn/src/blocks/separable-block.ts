import { add, type Image } from "@lobule/tensor";
import { activate } from "../layers/activation.js";
import { Conv2d } from "../layers/conv2d.js";
import {
  type LayerStyle,
  type NormalizationLayer,
  normalizationLayer,
  referenceStyle,
} from "../layers/normalization.js";
import { SeparableConv2d } from "../layers/separable-conv2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes and style of a {@link SeparableBlock}. */
export interface SeparableBlockOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Batch normalization and ReLU by default. */
  readonly style?: LayerStyle;
  readonly scope?: Scope;
}

/**
 * Residual block of depthwise separable convolutions: relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)).
 *
 * x [n, in, h, w] → [n, out, h, w]. The shortcut and the names are those of {@link ResBlock}, with conv1 and conv2 as
 * {@link SeparableConv2d}: an eighth to a ninth of the weights where there are many channels.
 * Source: Chollet 2017, "Xception", for the convolutions; He et al. 2016 for the block.
 */
export class SeparableBlock<const In extends number, const Out extends number> extends Module {
  readonly conv1: SeparableConv2d<In, Out>;
  readonly bn1: NormalizationLayer<Out>;
  readonly conv2: SeparableConv2d<Out, Out>;
  readonly bn2: NormalizationLayer<Out>;
  readonly shortcut: Conv2d<In, Out, 1> | undefined;
  readonly style: LayerStyle;

  constructor({
    inChannels,
    outChannels,
    style = referenceStyle,
    scope = new Scope(),
  }: SeparableBlockOptions<In, Out>) {
    super();
    this.conv1 = new SeparableConv2d({ inChannels, outChannels, scope: scope.child("conv1") });
    this.bn1 = normalizationLayer(style, outChannels, scope.child("bn1"));
    this.conv2 = new SeparableConv2d({ inChannels: outChannels, outChannels, scope: scope.child("conv2") });
    this.bn2 = normalizationLayer(style, outChannels, scope.child("bn2"));
    this.shortcut =
      (inChannels as number) === outChannels
        ? undefined
        : new Conv2d({ inChannels, outChannels, kernelSize: 1, scope: scope.child("shortcut") });
    this.style = style;
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const { activation } = this.style;
    const inner = activate(activation, this.bn1.forward(this.conv1.forward(x)));
    const main = this.bn2.forward(this.conv2.forward(inner));
    const passed: Image = this.shortcut === undefined ? x : this.shortcut.forward(x);
    return activate(activation, add(main, passed as Image<Out>));
  }
}
