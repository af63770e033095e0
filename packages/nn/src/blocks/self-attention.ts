import { add, type Image, reshape, ShapeError, scaledDotProductAttention, transpose } from "@lobule/tensor";
import { Conv2d } from "../layers/conv2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of a {@link SelfAttention}. */
export interface SelfAttentionOptions<C extends number> {
  readonly channels: C;
  /** Must divide the channels; 1 by default. */
  readonly heads?: number;
  readonly scope?: Scope;
}

/**
 * Each pixel looks at all pixels: y = x + Wo·softmax(QKᵀ/√d)V with Q, K, V 1×1 convolutions of x, in heads of
 * d = c/heads channels. x [n, c, h, w] → [n, c, h, w]; memory grows with (h·w)², so it belongs where the image is small.
 *
 * Source: Vaswani et al. 2017, eq. 1; as a block of an image network Wang et al. 2018, "Non-local neural networks".
 */
export class SelfAttention<const C extends number> extends Module {
  readonly heads: number;
  readonly query: Conv2d<C, C, 1>;
  readonly key: Conv2d<C, C, 1>;
  readonly value: Conv2d<C, C, 1>;
  readonly output: Conv2d<C, C, 1>;

  /** @throws ShapeError when the heads do not divide the channels. */
  constructor({ channels, heads = 1, scope = new Scope() }: SelfAttentionOptions<C>) {
    super();
    if (!(Number.isSafeInteger(heads) && heads > 0) || channels % heads !== 0) {
      throw new ShapeError(`SelfAttention: ${heads} heads do not divide ${channels} channels`);
    }
    const conv = { inChannels: channels, outChannels: channels, kernelSize: 1 } as const;
    this.heads = heads;
    this.query = new Conv2d({ ...conv, bias: false, scope: scope.child("query") });
    this.key = new Conv2d({ ...conv, bias: false, scope: scope.child("key") });
    this.value = new Conv2d({ ...conv, bias: false, scope: scope.child("value") });
    this.output = new Conv2d({ ...conv, scope: scope.child("output") });
  }

  /** @throws ShapeError when x does not have `channels` channels. */
  forward(x: Image<C>): Image<C> {
    const [batch, channels, height, width] = x.shape;
    const inHeads = (image: Image<C>) =>
      transpose(reshape(image, [batch, this.heads, channels / this.heads, height * width]));
    const { output } = scaledDotProductAttention(
      inHeads(this.query.forward(x)),
      inHeads(this.key.forward(x)),
      inHeads(this.value.forward(x)),
    );
    return add(x, this.output.forward(reshape(transpose(output), x.shape)));
  }
}
