import type { Image } from "@lobule/tensor";
import type { UNetSpec } from "../models/unet-spec.js";
import type { Module } from "../module.js";
import type { Scope } from "../scope.js";
import { PlainBlock } from "./plain-block.js";
import { ResBlock } from "./res-block.js";
import { SeparableBlock } from "./separable-block.js";

/** Two convolutions of a level, with or without a shortcut. x [n, in, h, w] → [n, out, h, w]. */
export interface UNetBlock extends Module {
  forward(x: Image): Image;
}

/** The block that a specification asks for. */
export function unetBlock(inChannels: number, outChannels: number, spec: UNetSpec, scope: Scope): UNetBlock {
  const { norm, groups, activation, block } = spec;
  const options = { inChannels, outChannels, scope, style: { norm, groups, activation } };
  if (block === "plain") return new PlainBlock(options);
  if (block === "residual-separable") return new SeparableBlock(options);
  return new ResBlock({ ...options, squeezeExcite: block === "residual-squeeze-excite" });
}
