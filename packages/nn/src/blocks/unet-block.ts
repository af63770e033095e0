import type { Image } from "@lobule/tensor";
import type { UNetSpec } from "../models/unet-spec.js";
import { Module } from "../module.js";
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

/** Blocks one after another. x [n, in, h, w] → [n, out, h, w]. */
class BlockChain extends Module implements UNetBlock {
  constructor(readonly blocks: readonly UNetBlock[]) {
    super();
  }

  forward(x: Image): Image {
    return this.blocks.reduce((features, block) => block.forward(features), x);
  }
}

/** `count` blocks one after another, the first of which changes the channels; one alone has no name of its own. */
export function unetBlocks(
  count: number,
  inChannels: number,
  outChannels: number,
  spec: UNetSpec,
  scope: Scope,
): UNetBlock {
  if (count === 1) return unetBlock(inChannels, outChannels, spec, scope);
  return new BlockChain(
    Array.from({ length: count }, (_, i) =>
      unetBlock(i === 0 ? inChannels : outChannels, outChannels, spec, scope.child(`blocks.${i}`)),
    ),
  );
}
