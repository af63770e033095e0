import { type BlockSize, concatChannels, type Image, printShape, repeatPixels, ShapeError } from "@lobule/tensor";
import { ConvNorm } from "../blocks/conv-norm.js";
import { ResBlockD } from "../blocks/res-block-d.js";
import { activate } from "../layers/activation.js";
import { BlockConvTranspose2d } from "../layers/block-conv-transpose2d.js";
import { Conv2d } from "../layers/conv2d.js";
import type { LayerStyle } from "../layers/normalization.js";
import { Module } from "../module.js";
import { Scope } from "../scope.js";
import { decode } from "./decode.js";
import { type NnUNetSpec, type NnUNetStage, nnunetDivisors, stagesOf } from "./nnunet-spec.js";

/** Sizes and parts of an {@link NnUNet}. */
export interface NnUNetOptions<In extends number, Classes extends number> extends NnUNetSpec {
  /** Channels of the image; 1 by default. */
  readonly inChannels?: In;
  /** Channels of the logits, background included. */
  readonly classes: Classes;
  /** Seed of the start values; 0 by default. */
  readonly seed?: number;
}

/** What the levels have in common. */
interface Common {
  readonly bias: boolean;
  readonly style: LayerStyle;
}

/** Convolutions with normalization and activation, the first with the stride. x [n, in, h, w] → [n, out, h/sy, w/sx]. */
class PlainStage extends Module {
  readonly convolutions: readonly ConvNorm[];
  readonly style: LayerStyle;

  constructor(
    inChannels: number,
    { features, kernel, stride }: Pick<NnUNetStage, "features" | "kernel" | "stride">,
    count: number,
    { bias, style }: Common,
    scope: Scope,
  ) {
    super();
    this.style = style;
    this.convolutions = Array.from(
      { length: count },
      (_, i) =>
        new ConvNorm({
          inChannels: i === 0 ? inChannels : features,
          outChannels: features,
          kernelSize: kernel,
          stride: i === 0 ? stride : [1, 1],
          bias,
          style,
          scope: scope.child(`convolutions.${i}`),
        }),
    );
  }

  forward(x: Image): Image {
    return this.convolutions.reduce((y, each) => activate(this.style.activation, each.forward(y)), x);
  }
}

/** Residual blocks, the first with the stride. x [n, in, h, w] → [n, out, h/sy, w/sx]. */
class ResidualStage extends Module {
  readonly blocks: readonly ResBlockD[];

  constructor(inChannels: number, stage: NnUNetStage, { bias, style }: Common, scope: Scope) {
    super();
    const { features, kernel, stride, blocks } = stage;
    this.blocks = Array.from(
      { length: blocks },
      (_, i) =>
        new ResBlockD({
          inChannels: i === 0 ? inChannels : features,
          outChannels: features,
          kernelSize: kernel,
          stride: i === 0 ? stride : [1, 1],
          bias,
          style,
          scope: scope.child(`blocks.${i}`),
        }),
    );
  }

  forward(x: Image): Image {
    return this.blocks.reduce((y, block) => block.forward(y), x);
  }
}

/** A level of the decoder: transposed convolution, the skip connection behind it, convolutions. */
class UpStage extends Module {
  readonly up: BlockConvTranspose2d<number, number>;
  readonly stage: PlainStage;

  constructor(below: NnUNetStage, at: NnUNetStage, common: Common, scope: Scope) {
    super();
    const { features, kernel, decoderConvolutions } = at;
    this.up = new BlockConvTranspose2d({
      inChannels: below.features,
      outChannels: features,
      block: below.stride,
      bias: common.bias,
      scope: scope.child("up"),
    });
    const convolutions = { features, kernel, stride: [1, 1] } as const;
    this.stage = new PlainStage(2 * features, convolutions, decoderConvolutions, common, scope.child("stage"));
  }

  forward(x: Image, skip: Image): Image {
    return this.stage.forward(concatChannels(this.up.forward(x), skip));
  }
}

/**
 * The networks of nnU-Net, see {@link NnUNetSpec}. x [n, in, h, w] → logits [n, classes, h, w].
 *
 * `encoder.0` is the level of the image, `decoder.0` the deepest; a 1×1 convolution gives the logits. There is no pooling:
 * the first convolution of a level has the stride.
 * Source: Isensee et al. 2021 (nnU-Net); Isensee et al. 2024, "nnU-Net Revisited" (residual encoders).
 */
export class NnUNet<const In extends number = 1, const Classes extends number = number> extends Module {
  readonly spec: NnUNetSpec;
  readonly stem: PlainStage | undefined;
  readonly encoder: readonly (PlainStage | ResidualStage)[];
  readonly decoder: readonly UpStage[];
  readonly head: Conv2d<number, Classes, 1>;
  /** Logits of the decoder levels below the last, the nearest first. */
  readonly auxiliaryHeads: readonly Conv2d<number, Classes, 1>[];

  /** @throws ShapeError when the specification cannot be built so. */
  constructor({ inChannels: given, classes, seed = 0, ...spec }: NnUNetOptions<In, Classes>) {
    super();
    const inChannels = given ?? 1;
    const [top, ...deeper] = stagesOf(this.constructor.name, spec);
    this.spec = spec;
    const scope = new Scope(seed);
    const common = {
      bias: spec.convolutionBias,
      style: { norm: spec.norm, groups: 1, activation: spec.activation },
    };
    const first = { ...top, stride: [1, 1] } as const;
    const isResidual = spec.encoder === "residual";
    this.stem = isResidual ? new PlainStage(inChannels, first, 1, common, scope.child("stem")) : undefined;
    let from: number = isResidual ? top.features : inChannels;
    this.encoder = [top, ...deeper].map((each, level) => {
      const at = scope.child(`encoder.${level}`);
      const stage = isResidual
        ? new ResidualStage(from, each, common, at)
        : new PlainStage(from, each, each.blocks, common, at);
      from = each.features;
      return stage;
    });
    let above = top;
    const ups = deeper.map((below) => {
      const up = { below, at: above };
      above = below;
      return up;
    });
    this.decoder = ups
      .toReversed()
      .map(({ below, at }, i) => new UpStage(below, at, common, scope.child(`decoder.${i}`)));
    const head = ({ features }: NnUNetStage, path: string) =>
      new Conv2d({ inChannels: features, outChannels: classes, kernelSize: 1, scope: scope.child(path) });
    this.head = head(top, "head");
    this.auxiliaryHeads = deeper.slice(0, spec.deepSupervision).map((each, i) => head(each, `auxiliaryHeads.${i}`));
  }

  /** Height and width of the image must be multiples of this. */
  get divisor(): number {
    return Math.max(...nnunetDivisors(this.spec));
  }

  /**
   * @throws ShapeError when h or w is no multiple of the product of its strides, or x does not have `inChannels` channels;
   * DegenerateNormError when one pixel is left at the bottom.
   */
  forward(x: Image<In>): Image<Classes> {
    const [features] = this.features(x);
    return this.head.forward(features);
  }

  /**
   * The logits, then those of each auxiliary head, whose pixels are repeated to the same height and width.
   * @throws as forward.
   */
  forwardAll(x: Image<In>): readonly [Image<Classes>, ...Image<Classes>[]] {
    const [features, ...below] = this.features(x);
    const auxiliary = below.flatMap((each, i) => {
      const head = this.auxiliaryHeads[i];
      if (head === undefined) return [];
      const [rows, columns] = nnunetDivisors({ ...this.spec, stages: this.spec.stages.slice(1, i + 2) });
      const block: BlockSize = [rows, columns];
      return [repeatPixels(head.forward(each), block)];
    });
    return [this.head.forward(features), ...auxiliary];
  }

  /** What each decoder level makes, that of the image's extents first, and at the end what the bottom makes. */
  private features(x: Image<In>): readonly [Image, ...Image[]] {
    const [rows, columns] = nnunetDivisors(this.spec);
    const [, , height, width] = x.shape;
    if (height % rows !== 0 || width % columns !== 0) {
      throw new ShapeError(
        `${this.constructor.name}: height and width of x ${printShape(x.shape)} must be multiples of ${rows} and ${columns} (the products of the strides); pad the image and crop the logits`,
      );
    }
    let features: Image = this.stem === undefined ? x : this.stem.forward(x);
    const skips = this.encoder.map((stage) => {
      features = stage.forward(features);
      return features;
    });
    return decode(this.decoder, features, skips.slice(0, -1));
  }
}
