import { attentionGate, type Image, type Vector } from "@lobule/tensor";
import { Conv2d } from "../layers/conv2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes of an {@link AttentionGate}. */
export interface AttentionGateOptions<C extends number> {
  /** Channels of the skip connection and of the gating signal alike. */
  readonly channels: C;
  readonly scope?: Scope;
}

/**
 * Additive attention gate on a skip connection: α = σ(ψ·relu(Wx·skip + Wg·gating + b) + bψ), gated = α ⊙ skip.
 *
 * skip and gating [n, c, h, w] → gated [n, c, h, w] and α [n, 1, h, w]; between them max(⌊c/2⌋, 1) channels.
 * One kernel computes it all. Source: Oktay et al. 2018, "Attention U-Net", eq. 1 and 2.
 */
export class AttentionGate<const C extends number> extends Module {
  readonly wx: Conv2d<C, number, 1>;
  readonly wg: Conv2d<C, number, 1>;
  readonly psi: Conv2d<number, 1, 1>;

  constructor({ channels, scope = new Scope() }: AttentionGateOptions<C>) {
    super();
    const inter = Math.max(Math.floor(channels / 2), 1);
    const options = { inChannels: channels, outChannels: inter as number, kernelSize: 1 } as const;
    this.wx = new Conv2d({ ...options, bias: false, scope: scope.child("wx") });
    this.wg = new Conv2d({ ...options, scope: scope.child("wg") });
    this.psi = new Conv2d({ inChannels: inter as number, outChannels: 1, kernelSize: 1, scope: scope.child("psi") });
  }

  /** @throws ShapeError when skip and gating differ in shape, or do not have `channels` channels. */
  forward({ skip, gating }: { readonly skip: Image<C>; readonly gating: Image<C> }): {
    readonly gated: Image<C>;
    readonly alpha: Image<1>;
  } {
    const { wx, wg, psi } = this;
    return attentionGate({
      skip,
      gating,
      wx: wx.weight,
      wg: wg.weight,
      wgBias: wg.bias as Vector,
      psi: psi.weight,
      psiBias: psi.bias as Vector<1>,
    });
  }
}
