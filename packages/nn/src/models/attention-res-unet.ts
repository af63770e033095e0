import { UNet, type UNetOptions } from "./unet.js";

/** Sizes of an {@link AttentionResUNet}. */
export type AttentionResUNetOptions<In extends number, Classes extends number> = Pick<
  UNetOptions<In, Classes>,
  "inChannels" | "classes" | "baseFeatures" | "depth" | "seed"
>;

/**
 * The reference network: a U-Net of residual blocks with an attention gate on each skip connection. x [n, in, h, w] →
 * logits [n, classes, h, w].
 *
 * Source: Ronneberger et al. 2015 (U-Net), He et al. 2016 (residual blocks), Oktay et al. 2018 (attention gates).
 */
export class AttentionResUNet<const In extends number = 1, const Classes extends number = 3> extends UNet<In, Classes> {
  /** @throws ShapeError when baseFeatures or depth is no whole number of at least 1. */
  constructor(options: AttentionResUNetOptions<In, Classes>) {
    super(options);
  }
}
