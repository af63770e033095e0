import { add, type Image, multiply, relu, sigmoid, upsampleBilinear2x } from "@lobule/tensor";
import { Conv2d } from "../layers/conv2d.js";
import { type LayerStyle, type NormalizationLayer, normalizationLayer } from "../layers/normalization.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

/** Sizes and parts of a {@link ComposedAttentionGate}. */
export interface ComposedAttentionGateOptions<C extends number, G extends number> {
  /** Channels of the skip connection. */
  readonly channels: C;
  readonly gatingChannels: G;
  /** Normalizes after each of the three convolutions where given. */
  readonly norm?: Pick<LayerStyle, "norm" | "groups">;
  /** Whether the gating signal has half the sides of the skip connection. */
  readonly coarse?: boolean;
  readonly scope?: Scope;
}

/**
 * Additive attention gate made of single layers, for what the fused {@link AttentionGate} does not do: normalization
 * inside the gate, as MONAI's AttentionUnet has it, and a coarse gating signal, as Oktay et al. have it.
 *
 * α = σ(norm(ψ·relu(norm(Wx·skip) + up(norm(Wg·gating))))), gated = α ⊙ skip; up is bilinear where the signal is coarse.
 * skip [n, c, h, w] and gating [n, g, h, w] (or half the sides) → gated [n, c, h, w], α [n, 1, h, w]; between them
 * max(⌊c/2⌋, 1) channels. Convolutions that are normalized have no bias. Groups are
 * as many as divide the channels. Source: Oktay et al. 2018, eq. 1 and 2.
 */
export class ComposedAttentionGate<const C extends number, const G extends number> extends Module {
  readonly wx: Conv2d<C, number, 1>;
  readonly bnWx: NormalizationLayer<number> | undefined;
  readonly wg: Conv2d<G, number, 1>;
  readonly bnWg: NormalizationLayer<number> | undefined;
  readonly psi: Conv2d<number, 1, 1>;
  readonly bnPsi: NormalizationLayer<1> | undefined;
  readonly coarse: boolean;

  constructor({
    channels,
    gatingChannels,
    norm,
    coarse = false,
    scope = new Scope(),
  }: ComposedAttentionGateOptions<C, G>) {
    super();
    const inter: number = Math.max(Math.floor(channels / 2), 1);
    const normalized = norm !== undefined;
    const layer = <const N extends number>(count: N, name: string): NormalizationLayer<N> | undefined =>
      norm &&
      normalizationLayer({ ...norm, groups: greatestCommonDivisor(norm.groups, count) }, count, scope.child(name));
    const between = { outChannels: inter, kernelSize: 1 } as const;
    this.wx = new Conv2d({ ...between, inChannels: channels, bias: false, scope: scope.child("wx") });
    this.bnWx = layer(inter, "bnWx");
    this.wg = new Conv2d({ ...between, inChannels: gatingChannels, bias: !normalized, scope: scope.child("wg") });
    this.bnWg = layer(inter, "bnWg");
    this.psi = new Conv2d({
      inChannels: inter,
      outChannels: 1,
      kernelSize: 1,
      bias: !normalized,
      scope: scope.child("psi"),
    });
    this.bnPsi = layer(1, "bnPsi");
    this.coarse = coarse;
  }

  /** @throws ShapeError when skip and gating do not fit together, or do not have the gate's channels. */
  forward({ skip, gating }: { readonly skip: Image<C>; readonly gating: Image<G> }): {
    readonly gated: Image<C>;
    readonly alpha: Image<1>;
  } {
    const normalized = <N extends number>(layer: NormalizationLayer<N> | undefined, x: Image<N>): Image<N> =>
      layer === undefined ? x : layer.forward(x);
    const fromSkip = normalized(this.bnWx, this.wx.forward(skip));
    const fromGating = normalized(this.bnWg, this.wg.forward(gating));
    const joined = relu(add(fromSkip, this.coarse ? upsampleBilinear2x(fromGating) : fromGating));
    const alpha = sigmoid(normalized(this.bnPsi, this.psi.forward(joined)));
    return { gated: multiply(skip, alpha) as Image<C>, alpha };
  }
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
