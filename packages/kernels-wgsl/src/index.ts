/**
 * Hand-written WGSL kernels with their launches, costs and float64 references. Shapes in, text and numbers out; it
 * knows no device and no tensor.
 *
 * @module @lobule/kernels-wgsl
 */

export { accumulate } from "./accumulate/accumulate.js";
export { adam } from "./adam/adam.js";
export {
  type AttentionGateProblem,
  attentionGate,
  attentionGateGrad,
  packAttentionGate,
} from "./attention-gate/attention-gate.js";
export { average } from "./average/average.js";
export { batchNormEval, batchNormFinish, batchNormGradFinish } from "./batch-norm/batch-norm.js";
export { channelStatistics, channelStatisticsByQuads } from "./channel-statistics/channel-statistics.js";
export { type ClipNormKernels, clipNorm } from "./clip-norm/clip-norm.js";
export { fromHalf, toHalf } from "./contract/half.js";
export {
  bytesPerElement,
  type ConvolutionProblem,
  ceilDivide,
  type DType,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  KernelDeclarationError,
  type Launch,
  type Reduction,
} from "./contract/kernel.js";
export { type PackedLayout, type PackingKind, packHalves, packWeight } from "./contract/packing.js";
export { hasQuads } from "./contract/quads.js";
export type { SlotText } from "./contract/slots.js";
export {
  convTranspose2x2,
  convTranspose2x2GradInput,
  convTranspose2x2GradWeight,
  packConvTranspose2x2,
} from "./conv-transpose2x2/conv-transpose2x2.js";
export { conv1x1, conv1x1GradInput, conv1x1GradWeight, packConv1x1, splitsConv1x1 } from "./conv1x1/conv1x1.js";
export {
  type Conv2dProblem,
  type Conv2dWindow,
  conv2d,
  conv2dGradInput,
  conv2dGradWeight,
  conv2dShape,
  packConv2d,
} from "./conv2d/conv2d.js";
export { conv3x3, conv3x3GradInput, conv3x3GradWeight, readsTwoImages, type Shortcut } from "./conv3x3/conv3x3.js";
export { matrixMemory } from "./conv3x3/conv3x3-matrix.js";
export { packConv3x3, packConv3x3Filters } from "./conv3x3/conv3x3-packing.js";
export { splitsConv3x3 } from "./conv3x3/conv3x3-tiled.js";
export { convert } from "./convert/convert.js";
export {
  depthwiseConv3x3,
  depthwiseConv3x3GradInput,
  depthwiseConv3x3GradWeight,
} from "./depthwise-conv3x3/depthwise-conv3x3.js";
export {
  type Deformation,
  elasticImage,
  elasticLabels,
  noDeformation,
  packDeformations,
  wordsPerDeformation,
} from "./elastic/elastic.js";
export { entropyMap } from "./entropy-map/entropy-map.js";
export { gather, gatherFilters, gatherHalves } from "./gather/gather.js";
export {
  changeIntensities,
  type IntensityChange,
  noIntensityChange,
  packIntensityChanges,
  wordsPerIntensityChange,
} from "./intensities/intensities.js";
export { type LabelField, labelMap, packLabelFields, wordsPerField } from "./label-map/label-map.js";
export { findOverflow, type LossScaleRule, lossScale } from "./loss-scale/loss-scale.js";
export { maxPool2x2, maxPool2x2Grad, maxPool2x2GradByQuads, poolsByQuads } from "./max-pool2x2/max-pool2x2.js";
export { type MirrorAxes, mirror } from "./mirror/mirror.js";
export { type OverlapKernels, overlapCounts } from "./overlap-counts/overlap-counts.js";
export {
  extractPatches,
  mergePatches,
  type PatchGrid,
  packPatchStarts,
  packPatchWeights,
} from "./patches/patches.js";
export { pointwise } from "./pointwise/pointwise.js";
export { philox, philox4x32, type Words4 } from "./random-fill/philox.js";
export { type Distribution, randomFill } from "./random-fill/random-fill.js";
export { copyProbe, multiplyAddProbe } from "./roofs/roofs.js";
export { type AttentionKernels, scaledDotProductAttention } from "./sdpa/sdpa.js";
export { sgd } from "./sgd/sgd.js";
export {
  packSamples,
  type SliceSample,
  sliceLabels,
  sliceSampler,
  wordsPerSample,
} from "./slice-sampler/slice-sampler.js";
export { splineCoefficients, splineSampler } from "./slice-sampler/spline-sampler.js";
export { softmax, softmaxGrad } from "./softmax/softmax.js";
export { lossByQuads, type SoftmaxLossKernels, softmaxLoss } from "./softmax-loss/softmax-loss.js";
export { isSubgroupOfEight, subgroupPlaces, subgroupPlacesLength } from "./subgroup-places/subgroup-places.js";
export { sumPartials } from "./sum-partials/sum-partials.js";
export { topKLoss } from "./top-k-loss/top-k-loss.js";
export { replaceSlots } from "./transforms/slots.js";
export { momentsSlot, partialsPerWorkgroup, sumsSlot } from "./transforms/statistics.js";
export {
  hasMatrixProduct,
  type MatrixConfig,
  matrixFeature,
  usesMatrices,
} from "./transforms/subgroup-matrix.js";
export {
  type Binding,
  bindingsOf,
  enable,
  extendSizes,
  hasFunction,
  packSizes,
  withStorageTypes,
} from "./transforms/wgsl-text.js";
export { transpose } from "./transpose/transpose.js";
export { upsampleBilinear2x, upsampleBilinear2xGrad } from "./upsample-bilinear2x/upsample-bilinear2x.js";
