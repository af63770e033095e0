import { add, concatChannels, type Image } from "@lobule/tensor";
import { BilinearUpsampling } from "../layers/bilinear-upsampling.js";
import { ConvTranspose2d } from "../layers/conv-transpose2d.js";
import type { UNetSpec } from "../models/unet-spec.js";
import { Module } from "../module.js";
import type { Scope } from "../scope.js";
import { AttentionGate } from "./attention-gate.js";
import { ComposedAttentionGate } from "./composed-attention-gate.js";
import { type UNetBlock, unetBlock } from "./unet-block.js";

export interface DecoderLevelOptions {
  /** Channels of the level below. */
  readonly inChannels: number;
  /** Channels of the skip connection, and of what comes out. */
  readonly outChannels: number;
  readonly spec: UNetSpec;
  readonly scope: Scope;
}

/** One level of the decoder: doubles the sides and joins the skip connection. */
export class DecoderLevel extends Module {
  readonly up: ConvTranspose2d<number, number> | BilinearUpsampling<number, number>;
  readonly gate: AttentionGate<number> | ComposedAttentionGate<number, number> | undefined;
  readonly block: UNetBlock;
  readonly spec: UNetSpec;

  constructor({ inChannels, outChannels, spec, scope }: DecoderLevelOptions) {
    super();
    const up = { inChannels, outChannels, scope: scope.child("up") };
    this.up = spec.upsampling === "transposed" ? new ConvTranspose2d(up) : new BilinearUpsampling(up);
    this.gate = gateOf(inChannels, outChannels, spec, scope.child("gate"));
    this.block = unetBlock(
      spec.skip === "add" ? outChannels : 2 * outChannels,
      outChannels,
      spec,
      scope.child("block"),
    );
    this.spec = spec;
  }

  /** x [n, in, h, w] and skip [n, out, 2h, 2w] → [n, out, 2h, 2w]. @throws ShapeError when they do not fit together. */
  forward(x: Image, skip: Image): Image {
    const up = this.up.forward(x);
    const gating = this.spec.gatingSignal === "coarse" ? x : up;
    const passed = this.gate === undefined ? skip : this.gate.forward({ skip, gating }).gated;
    return this.block.forward(this.spec.skip === "add" ? add(passed, up) : concatChannels(passed, up));
  }
}

function gateOf(below: number, channels: number, { skip, gatingSignal, norm, groups }: UNetSpec, scope: Scope) {
  if (skip !== "attention-gate" && skip !== "attention-gate-norm") return undefined;
  const coarse = gatingSignal === "coarse";
  if (skip === "attention-gate" && !coarse) return new AttentionGate({ channels, scope });
  return new ComposedAttentionGate({
    channels,
    gatingChannels: coarse ? below : channels,
    coarse,
    scope,
    ...(skip === "attention-gate-norm" ? { norm: { norm, groups } } : {}),
  });
}
