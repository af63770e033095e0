/**
 * Modules, layers, blocks, networks and losses.
 *
 * @module @lobule/nn
 */

export { AttentionGate, type AttentionGateOptions } from "./blocks/attention-gate.js";
export { ComposedAttentionGate, type ComposedAttentionGateOptions } from "./blocks/composed-attention-gate.js";
export { ConvNorm, type ConvNormOptions } from "./blocks/conv-norm.js";
export { DecoderLevel } from "./blocks/decoder-level.js";
export { PlainBlock, type PlainBlockOptions } from "./blocks/plain-block.js";
export { ResBlock, type ResBlockOptions } from "./blocks/res-block.js";
export { ResBlockD, type ResBlockDOptions } from "./blocks/res-block-d.js";
export { SelfAttention, type SelfAttentionOptions } from "./blocks/self-attention.js";
export { SeparableBlock, type SeparableBlockOptions } from "./blocks/separable-block.js";
export { SqueezeExcite, type SqueezeExciteOptions } from "./blocks/squeeze-excite.js";
export type { Activation } from "./layers/activation.js";
export { AveragePool2d } from "./layers/average-pool2d.js";
export { BatchNorm2d, type BatchNorm2dOptions, type BatchStatistics } from "./layers/batch-norm2d.js";
export { BilinearUpsampling, type BilinearUpsamplingOptions } from "./layers/bilinear-upsampling.js";
export { BlockConvTranspose2d, type BlockConvTranspose2dOptions } from "./layers/block-conv-transpose2d.js";
export { ConvTranspose2d, type ConvTranspose2dOptions } from "./layers/conv-transpose2d.js";
export { Conv2d, type Conv2dOptions } from "./layers/conv2d.js";
export { DepthwiseConv2d, type DepthwiseConv2dOptions } from "./layers/depthwise-conv2d.js";
export { GroupNorm, type GroupNormOptions } from "./layers/group-norm.js";
export { MaxPool2d } from "./layers/max-pool2d.js";
export type { LayerStyle, Normalization, NormalizationLayer } from "./layers/normalization.js";
export { ReLU } from "./layers/relu.js";
export { SeparableConv2d, type SeparableConv2dOptions } from "./layers/separable-conv2d.js";
export { Sigmoid } from "./layers/sigmoid.js";
export { StridedConv2d, type StridedConv2dOptions } from "./layers/strided-conv2d.js";
export { type BoundaryCrossEntropyOptions, boundaryCrossEntropy } from "./losses/boundary-cross-entropy.js";
export { deeplySupervised } from "./losses/deep-supervision.js";
export { type DiceCrossEntropyOptions, diceCrossEntropy } from "./losses/dice-cross-entropy.js";
export { type DiceFocalOptions, diceFocal } from "./losses/dice-focal.js";
export { type FocalLossOptions, focalLoss } from "./losses/focal-loss.js";
export { type GeneralizedDiceOptions, generalizedDice } from "./losses/generalized-dice.js";
export { type SegmentationLossSpec, segmentationLoss } from "./losses/segmentation-loss.js";
export type { SegmentationLoss, Target } from "./losses/target.js";
export { type TopKDiceOptions, topKDice } from "./losses/top-k-dice.js";
export { type TverskyOptions, tversky } from "./losses/tversky.js";
export {
  type WeightedDiceCrossEntropyOptions,
  weightedDiceCrossEntropy,
} from "./losses/weighted-dice-cross-entropy.js";
export { AttentionResUNet, type AttentionResUNetOptions } from "./models/attention-res-unet.js";
export { NnUNet, type NnUNetOptions } from "./models/nnunet.js";
export { type NnUNetSpec, type NnUNetStage, nnunetDivisors, nnunetProblem } from "./models/nnunet-spec.js";
export type { SegmentationNetwork } from "./models/segmentation-network.js";
export { type ForwardOptions, UNet, type UNetOptions } from "./models/unet.js";
export {
  blocksOfLevel,
  levelChannels,
  referenceSpec,
  specProblem,
  type UNetPreset,
  type UNetSizes,
  type UNetSpec,
  unetPresets,
} from "./models/unet-spec.js";
export { Module, type StateDict, StateDictError, type StateEntry } from "./module.js";
export { type Observations, observed } from "./observe.js";
export { Scope } from "./scope.js";
export { type ImageModule, type SummaryOptions, summary } from "./summary.js";
