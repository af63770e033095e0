import { concatChannels, type Image, printShape, ShapeError } from "@lobule/tensor";
import { AttentionGate } from "../blocks/attention-gate.js";
import { ResBlock } from "../blocks/res-block.js";
import { ConvTranspose2d } from "../layers/conv-transpose2d.js";
import { Conv2d } from "../layers/conv2d.js";
import { MaxPool2d } from "../layers/max-pool2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";

export interface AttentionResUNetOptions<In extends number, Classes extends number> {
  /** Channels of the image; 1 by default. */
  readonly inChannels?: In;
  /** Channels of the logits, background included; 3 by default. */
  readonly classes?: Classes;
  /** Channels of the first level; each level below has twice as many. */
  readonly baseFeatures: number;
  /** Poolings between the image and the bridge; 4 by default. Height and width must be multiples of 2^depth. */
  readonly depth?: number;
  /** Seed of the start values; 0 by default. */
  readonly seed?: number;
}

/** One level of the decoder: doubles the side, halves the channels, and joins the gated skip connection. */
export class DecoderLevel extends Module {
  readonly up: ConvTranspose2d<number, number>;
  readonly gate: AttentionGate<number>;
  readonly block: ResBlock<number, number>;

  constructor(channels: number, scope: Scope) {
    super();
    this.up = new ConvTranspose2d({ inChannels: 2 * channels, outChannels: channels, scope: scope.child("up") });
    this.gate = new AttentionGate({ channels, scope: scope.child("gate") });
    this.block = new ResBlock({ inChannels: 2 * channels, outChannels: channels, scope: scope.child("block") });
  }

  /** x [n, 2c, h, w] and skip [n, c, 2h, 2w] → [n, c, 2h, 2w]. @throws ShapeError when they do not fit together. */
  forward(x: Image, skip: Image): Image {
    const up = this.up.forward(x);
    const { gated } = this.gate.forward({ skip, gating: up });
    return this.block.forward(concatChannels(gated, up));
  }
}

/**
 * U-Net of residual blocks with an attention gate on each skip connection. x [n, in, h, w] → logits [n, classes, h, w].
 *
 * With F base features and depth 4: encoder blocks to F, 2F, 4F, 8F channels, each followed by 2×2 max-pooling; a bridge
 * to 16F; decoder levels back to F, `decoder.0` the deepest; a 1×1 convolution to the classes.
 * Source: Ronneberger et al. 2015 (U-Net), He et al. 2016 (residual blocks), Oktay et al. 2018 (attention gates).
 */
export class AttentionResUNet<const In extends number = 1, const Classes extends number = 3> extends Module {
  readonly depth: number;
  readonly encoder: readonly ResBlock<number, number>[];
  readonly pool = new MaxPool2d();
  readonly bridge: ResBlock<number, number>;
  readonly decoder: readonly DecoderLevel[];
  readonly head: Conv2d<number, Classes, 1>;

  /** @throws ShapeError when baseFeatures or depth is no whole number of at least 1. */
  constructor({
    inChannels = 1 as In,
    classes = 3 as Classes,
    baseFeatures,
    depth = 4,
    seed = 0,
  }: AttentionResUNetOptions<In, Classes>) {
    super();
    for (const [name, value] of Object.entries({ inChannels, classes, baseFeatures, depth })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new ShapeError(`AttentionResUNet: ${name} must be a whole number of at least 1, got ${value}`);
      }
    }
    const scope = new Scope(seed);
    const features = Array.from({ length: depth + 1 }, (_, level) => baseFeatures * 2 ** level);
    const block = (from: number, to: number, name: string): ResBlock<number, number> =>
      new ResBlock({ inChannels: from, outChannels: to, scope: scope.child(name) });
    const [bottom = baseFeatures, ...above] = features.toReversed();
    this.depth = depth;
    this.encoder = features.slice(0, -1).map((to, i) => block(features[i - 1] ?? inChannels, to, `encoder.${i}`));
    this.bridge = block(bottom / 2, bottom, "bridge");
    this.decoder = above.map((channels, i) => new DecoderLevel(channels, scope.child(`decoder.${i}`)));
    this.head = new Conv2d({
      inChannels: baseFeatures,
      outChannels: classes,
      kernelSize: 1,
      scope: scope.child("head"),
    });
  }

  /** Height and width of the image must be multiples of this. */
  get divisor(): number {
    return 2 ** this.depth;
  }

  /** @throws ShapeError when h or w is no multiple of 2^depth, or x does not have `inChannels` channels. */
  forward(x: Image<In>): Image<Classes> {
    const [, , height, width] = x.shape;
    if (height % this.divisor !== 0 || width % this.divisor !== 0) {
      throw new ShapeError(
        `AttentionResUNet: height and width of x ${printShape(x.shape)} must be multiples of ${this.divisor} (2^depth); pad the image and crop the logits`,
      );
    }
    const skips: Image[] = [];
    let features: Image = x;
    for (const block of this.encoder) {
      const skip = block.forward(features);
      skips.push(skip);
      features = this.pool.forward(skip);
    }
    features = this.bridge.forward(features);
    for (const level of this.decoder) features = level.forward(features, skips.pop() as Image);
    return this.head.forward(features);
  }
}
