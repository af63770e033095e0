import type { Image } from "@lobule/tensor";
import { type LayerStyle, type NormalizationLayer, normalizationLayer } from "../layers/normalization.js";
import { StridedConv2d } from "../layers/strided-conv2d.js";
import { Module } from "../module.js";
import type { Scope } from "../scope.js";

/** Sizes of a {@link ConvNorm}; pairs are of rows, then of columns. */
export interface ConvNormOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [height: number, width: number];
  /** [1, 1] by default. */
  readonly stride?: readonly [y: number, x: number];
  /** Whether the convolution has a bias. */
  readonly bias: boolean;
  readonly style: Pick<LayerStyle, "norm" | "groups">;
  readonly scope: Scope;
}

/** A convolution and the normalization after it. x [n, in, h, w] → [n, out, h', w']. */
export class ConvNorm extends Module {
  readonly conv: StridedConv2d<number, number>;
  readonly norm: NormalizationLayer<number>;

  constructor({ outChannels, style, scope, ...convolution }: ConvNormOptions) {
    super();
    this.conv = new StridedConv2d({ ...convolution, outChannels, scope: scope.child("conv") });
    this.norm = normalizationLayer(style, outChannels, scope.child("norm"));
  }

  /** @throws ShapeError when x does not have `inChannels` channels; DegenerateNormError for one value a channel. */
  forward(x: Image): Image {
    return this.norm.forward(this.conv.forward(x));
  }
}
