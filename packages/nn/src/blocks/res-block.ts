import { add, type Image } from "@lobule/tensor";
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
import { SqueezeExcite } from "./squeeze-excite.js";

/** Sizes and style of a {@link ResBlock}. */
export interface ResBlockOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  /** Batch normalization and ReLU by default. */
  readonly style?: LayerStyle;
  /** Whether the channels of the convolutions' branch are weighed before the shortcut is added. */
  readonly squeezeExcite?: boolean;
  readonly scope?: Scope;
}

/**
 * Residual block: relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), both convolutions 3×3 without bias.
 *
 * x [n, in, h, w] → [n, out, h, w]. The shortcut is x itself, or a 1×1 convolution with bias where in ≠ out. The
 * normalizations are called bn1 and bn2 whatever their kind, so that a state dict's names stay.
 * Source: He et al. 2016, "Deep residual learning", fig. 2, with a projection as in their option B; Hu et al. 2018,
 * fig. 3, for the place of squeeze-and-excite.
 */
export class ResBlock<const In extends number, const Out extends number> extends Module {
  readonly conv1: Conv2d<In, Out, 3>;
  readonly bn1: NormalizationLayer<Out>;
  readonly conv2: Conv2d<Out, Out, 3>;
  readonly bn2: NormalizationLayer<Out>;
  readonly squeezeExcite: SqueezeExcite<Out> | undefined;
  readonly shortcut: Conv2d<In, Out, 1> | undefined;
  readonly style: LayerStyle;

  constructor({
    inChannels,
    outChannels,
    style = referenceStyle,
    squeezeExcite = false,
    scope = new Scope(),
  }: ResBlockOptions<In, Out>) {
    super();
    const conv = { outChannels, kernelSize: 3, bias: false } as const;
    this.conv1 = new Conv2d({ ...conv, inChannels, scope: scope.child("conv1") });
    this.bn1 = normalizationLayer(style, outChannels, scope.child("bn1"));
    this.conv2 = new Conv2d({ ...conv, inChannels: outChannels, scope: scope.child("conv2") });
    this.bn2 = normalizationLayer(style, outChannels, scope.child("bn2"));
    this.squeezeExcite = squeezeExcite
      ? new SqueezeExcite({ channels: outChannels, scope: scope.child("squeezeExcite") })
      : undefined;
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
    const weighed = this.squeezeExcite === undefined ? main : this.squeezeExcite.forward(main);
    const passed: Image = this.shortcut === undefined ? x : this.shortcut.forward(x);
    return activate(activation, add(weighed, passed as Image<Out>));
  }
}
