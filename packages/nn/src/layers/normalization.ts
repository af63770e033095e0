import type { Image } from "@lobule/tensor";
import type { Module } from "../module.js";
import type { Scope } from "../scope.js";
import type { Activation } from "./activation.js";
import { BatchNorm2d } from "./batch-norm2d.js";
import { GroupNorm } from "./group-norm.js";

/** Over the batch (with running statistics), over each sample's channel, or over groups of a sample's channels. */
export type Normalization = "batch" | "instance" | "group";

/** A layer that normalizes an image and keeps its shape. */
export interface NormalizationLayer<C extends number> extends Module {
  forward(x: Image<C>): Image<C>;
}

/** What the layers of a block have in common. */
export interface LayerStyle {
  readonly norm: Normalization;
  /** Groups of channels, where the normalization goes by groups. */
  readonly groups: number;
  readonly activation: Activation;
}

/** Batch normalization and ReLU, as in the reference network. */
export const referenceStyle: LayerStyle = { norm: "batch", groups: 8, activation: "relu" };

/** The layer of a style. All kinds have γ and β. */
export function normalizationLayer<const C extends number>(
  { norm, groups }: Pick<LayerStyle, "norm" | "groups">,
  channels: C,
  scope: Scope,
): NormalizationLayer<C> {
  if (norm === "batch") return new BatchNorm2d({ channels, scope });
  return new GroupNorm({ channels, groups: norm === "instance" ? channels : groups, scope });
}
