import {
  type Image,
  multiply,
  PlanError,
  printShape,
  type RandomSeed,
  randomBernoulli,
  ShapeError,
  scale,
  sliceChannels,
  upsampleBilinear2x,
} from "@lobule/tensor";
import { DecoderLevel } from "../blocks/decoder-level.js";
import { SelfAttention } from "../blocks/self-attention.js";
import { type UNetBlock, unetBlocks } from "../blocks/unet-block.js";
import { Conv2d } from "../layers/conv2d.js";
import { MaxPool2d } from "../layers/max-pool2d.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";
import { decode } from "./decode.js";
import { blocksOfLevel, checkSpec, levelChannels, referenceSpec, type UNetSpec } from "./unet-spec.js";

/** Sizes and parts of a {@link UNet}. */
export interface UNetOptions<In extends number, Classes extends number> extends Partial<UNetSpec> {
  /** Channels of the image; 1 by default. */
  readonly inChannels?: In;
  /** Channels of the logits, background included; 3 by default. */
  readonly classes?: Classes;
  /** Channels of the first level; each level below has `growth` times as many. */
  readonly baseFeatures: number;
  /** Poolings between the image and the bridge; 4 by default. Height and width must be multiples of 2^depth. */
  readonly depth?: number;
  /** Seed of the start values; 0 by default. */
  readonly seed?: number;
}

/** What a forward pass takes besides the image. */
export interface ForwardOptions {
  /** What the dropped channels are drawn under; needed in training where the network has dropout. */
  readonly dropoutSeed?: RandomSeed;
}

/**
 * U-Net by specification. x [n, in, h, w] → logits [n, classes, h, w].
 *
 * With F base features, growth 2 and depth 4: encoder blocks to F, 2F, 4F, 8F channels, each followed by 2×2
 * max-pooling; a bridge to 16F; decoder levels back to F, `decoder.0` the deepest; a 1×1 convolution to the classes.
 * Source: Ronneberger et al. 2015, with the parts that {@link UNetSpec} names.
 */
export class UNet<const In extends number = 1, const Classes extends number = 3> extends Module {
  readonly depth: number;
  readonly spec: UNetSpec;
  readonly encoder: readonly UNetBlock[];
  readonly pool = new MaxPool2d();
  readonly bridge: UNetBlock;
  readonly bridgeAttention: SelfAttention<number> | undefined;
  readonly decoder: readonly DecoderLevel[];
  readonly head: Conv2d<number, Classes, 1>;
  /** Logits of the decoder levels below the last, the nearest first. */
  readonly auxiliaryHeads: readonly Conv2d<number, Classes, 1>[];
  private readonly channels: readonly number[];

  /** @throws ShapeError when a size is no whole number of at least 1, or the specification cannot be built so. */
  constructor({
    inChannels: given,
    classes = 3 as Classes,
    baseFeatures,
    depth = 4,
    seed = 0,
    ...spec
  }: UNetOptions<In, Classes>) {
    super();
    const { name } = this.constructor;
    const inChannels = given ?? 1;
    for (const [size, value] of Object.entries({ inChannels, classes, baseFeatures, depth })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new ShapeError(`${name}: ${size} must be a whole number of at least 1, got ${value}`);
      }
    }
    this.depth = depth;
    this.spec = { ...referenceSpec, ...spec };
    checkSpec(name, { baseFeatures, depth }, this.spec);
    const scope = new Scope(seed);
    const channels = levelChannels({ baseFeatures, depth }, this.spec);
    const at = (level: number): number => channels[level] ?? inChannels;
    const block = (level: number, path: string) =>
      unetBlocks(blocksOfLevel(this.spec, level), at(level - 1), at(level), this.spec, scope.child(path));
    const head = (from: number, path: string) =>
      new Conv2d({ inChannels: from, outChannels: classes, kernelSize: 1, scope: scope.child(path) });
    this.channels = channels;
    this.encoder = Array.from({ length: depth }, (_, level) => block(level, `encoder.${level}`));
    this.bridge = block(depth, "bridge");
    this.bridgeAttention =
      this.spec.bridgeAttentionHeads > 0
        ? new SelfAttention({
            channels: at(depth),
            heads: this.spec.bridgeAttentionHeads,
            scope: scope.child("bridgeAttention"),
          })
        : undefined;
    this.decoder = Array.from({ length: depth }, (_, i) => {
      const level = depth - 1 - i;
      const options = { inChannels: at(level + 1), outChannels: at(level), spec: this.spec };
      return new DecoderLevel({ ...options, scope: scope.child(`decoder.${i}`) });
    });
    this.head = head(at(0), "head");
    this.auxiliaryHeads = Array.from({ length: this.spec.deepSupervision }, (_, i) =>
      head(at(i + 1), `auxiliaryHeads.${i}`),
    );
  }

  /** Height and width of the image must be multiples of this. */
  get divisor(): number {
    return 2 ** this.depth;
  }

  /**
   * @throws ShapeError when h or w is no multiple of 2^depth, or x does not have `inChannels` channels; PlanError in
   * training with dropout and no seed for it.
   */
  forward(x: Image<In>, options: ForwardOptions = {}): Image<Classes> {
    const [features] = this.features(x, options);
    return this.head.forward(features);
  }

  /**
   * The logits, then those of each auxiliary head, bilinearly brought to the same height and width.
   * @throws as forward.
   */
  forwardAll(x: Image<In>, options: ForwardOptions = {}): readonly [Image<Classes>, ...Image<Classes>[]] {
    const [features, ...below] = this.features(x, options);
    const auxiliary = below.flatMap((each, i) => {
      const head = this.auxiliaryHeads[i];
      if (head === undefined) return [];
      let logits = head.forward(each);
      for (let level = 0; level <= i; level++) logits = upsampleBilinear2x(logits);
      return [logits];
    });
    return [this.head.forward(features), ...auxiliary];
  }

  /** What each decoder level makes, that of the image's extents first, and at the end what the bottom makes. */
  private features(x: Image<In>, options: ForwardOptions): readonly [Image, ...Image[]] {
    const [batch, , height, width] = x.shape;
    if (height % this.divisor !== 0 || width % this.divisor !== 0) {
      throw new ShapeError(
        `${this.constructor.name}: height and width of x ${printShape(x.shape)} must be multiples of ${this.divisor} (2^depth); pad the image and crop the logits`,
      );
    }
    const drop = this.dropout(batch, options);
    const skips: Image[] = [];
    let features: Image = x;
    for (const block of this.encoder) {
      const skip = drop(block.forward(features));
      skips.push(skip);
      features = this.pool.forward(skip);
    }
    features = drop(this.bridge.forward(features));
    if (this.bridgeAttention !== undefined) features = this.bridgeAttention.forward(features);
    return decode(this.decoder, features, skips, drop);
  }

  /**
   * Drops whole channels of one block's output after another, in the order of the blocks; the others are scaled up so
   * that the mean stays. All blocks' channels are drawn by one kernel.
   * Source: Srivastava et al. 2014 (dropout); Tompson et al. 2015 (whole channels).
   */
  private dropout(batch: number, { dropoutSeed }: ForwardOptions): (x: Image) => Image {
    const { dropout } = this.spec;
    if (dropout === 0 || !this.training) return (x) => x;
    if (dropoutSeed === undefined) {
      throw new PlanError(
        `${this.constructor.name}: dropout ${dropout} in training needs a dropoutSeed; give one, or call eval()`,
      );
    }
    const [bottom = 0, ...above] = this.channels.toReversed();
    const total = bottom + 2 * above.reduce((sum, count) => sum + count, 0);
    const drawn = randomBernoulli([batch, total, 1, 1], { seed: dropoutSeed, probability: 1 - dropout });
    const factors = scale(drawn, 1 / (1 - dropout));
    let taken = 0;
    return (x) => {
      const first = taken;
      taken += x.shape[1];
      return multiply(x, sliceChannels(factors, first, taken)) as Image;
    };
  }
}
