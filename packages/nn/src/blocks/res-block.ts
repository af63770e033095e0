import { add, type Image, relu } from "@lobule/tensor";
import { BatchNorm2d } from "../layers/batch-norm2d.js";
import { Conv2d } from "../layers/conv2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

export interface ResBlockOptions<In extends number, Out extends number> {
  readonly inChannels: In;
  readonly outChannels: Out;
  readonly scope?: Scope;
}

/**
 * Residual block: relu(bn2(conv2(relu(bn1(conv1(x))))) + shortcut(x)), both convolutions 3×3 without bias.
 *
 * x [n, in, h, w] → [n, out, h, w]. The shortcut is x itself, or a 1×1 convolution with bias where in ≠ out.
 * Source: He et al. 2016, "Deep residual learning", fig. 2, with a projection as in their option B.
 */
export class ResBlock<const In extends number, const Out extends number> extends Module {
  readonly conv1: Conv2d<In, Out, 3>;
  readonly bn1: BatchNorm2d<Out>;
  readonly conv2: Conv2d<Out, Out, 3>;
  readonly bn2: BatchNorm2d<Out>;
  readonly shortcut: Conv2d<In, Out, 1> | undefined;

  constructor({ inChannels, outChannels, scope = new Scope() }: ResBlockOptions<In, Out>) {
    super();
    const conv = { outChannels, kernelSize: 3, bias: false } as const;
    this.conv1 = new Conv2d({ ...conv, inChannels, scope: scope.child("conv1") });
    this.bn1 = new BatchNorm2d({ channels: outChannels, scope: scope.child("bn1") });
    this.conv2 = new Conv2d({ ...conv, inChannels: outChannels, scope: scope.child("conv2") });
    this.bn2 = new BatchNorm2d({ channels: outChannels, scope: scope.child("bn2") });
    this.shortcut =
      (inChannels as number) === outChannels
        ? undefined
        : new Conv2d({ inChannels, outChannels, kernelSize: 1, scope: scope.child("shortcut") });
  }

  /** @throws ShapeError when x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Out> {
    const inner = relu(this.bn1.forward(this.conv1.forward(x)));
    const main = this.bn2.forward(this.conv2.forward(inner));
    const passed: Image = this.shortcut === undefined ? x : this.shortcut.forward(x);
    return relu(add(main, passed as Image<Out>));
  }
}
