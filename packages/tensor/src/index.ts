/// <reference types="@webgpu/types" preserve="true" />
/**
 * Typed lazy tensors, their gradients, and the compiler that turns a graph into one submission to the GPU.
 *
 * @module @lobule/tensor
 */

export {
  ceilDivide,
  type Deformation,
  type DType,
  foldWorkgroups,
  type ImageShape,
  type IntensityChange,
  imageSize,
  type Kernel,
  type LabelField,
  type MirrorAxes,
  matrixFeature,
  noDeformation,
  noIntensityChange,
  type PatchGrid,
  packDeformations,
  packIntensityChanges,
  packLabelFields,
  packSamples,
  type SliceSample,
  splineCoefficients,
  wordsPerDeformation,
  wordsPerField,
  wordsPerIntensityChange,
  wordsPerSample,
} from "@lobule/kernels-wgsl";
export type { TunedKernels } from "./compiler/calls.js";
export { candidateVariants } from "./compiler/convolution-variants.js";
export type {
  CompileOptions,
  Definition,
  InputSpec,
  Measured,
  Metrics,
  MetricValues,
  Results,
} from "./compiler/program.js";
export { compile, Program } from "./compiler/program.js";
export type { GroupRange, Submission } from "./compiler/submissions.js";
export { Device } from "./device/device.js";
export { DeviceError, type DeviceOptions } from "./device/gpu-context.js";
export { type GradientCheck, gradientError } from "./device/gradient-error.js";
export type { DispatchTime, LoadedProgram } from "./device/loaded-program.js";
export { PreparedKernel } from "./device/prepared-kernel.js";
export { warmUp } from "./device/warm-up.js";
export { constant, f32, type OutputSpec, u32 } from "./graph/apply.js";
export { type ConvolutionCall, type ConvolutionVariant, convolutionVariants } from "./graph/convolution-call.js";
export {
  applyKernel,
  applyKernels,
  applyPointwise,
  applyRemap,
  type Gradients,
  type Inputs,
  type KernelDefinition,
  type KernelsDefinition,
  type PointwiseDefinition,
  type RemapDefinition,
} from "./graph/named.js";
export { type HostData, type Image, type Lowering, type Scalar, Tensor, type Vector } from "./graph/tensor.js";
export {
  groupVariables,
  type HostPauses,
  makeStartValues,
  type StartValues,
  Variable,
  VariableGroup,
  type VariableRole,
  zeros,
} from "./graph/variable.js";
export { accumulate } from "./ops/accumulate.js";
export { adam, type Update } from "./ops/adam.js";
export { scaledDotProductAttention } from "./ops/attention.js";
export { type AttentionGateInputs, attentionGate } from "./ops/attention-gate.js";
export { average } from "./ops/average.js";
export { averagePool, type BlockSize, repeatPixels } from "./ops/average-pool.js";
export { type BatchNormOptions, batchNorm, type MovedStatistics, moveStatistics } from "./ops/batch-norm.js";
export { addBias } from "./ops/bias.js";
export { castTo } from "./ops/cast.js";
export { concatChannels, reshape, sliceChannels } from "./ops/channels.js";
export { type Conv2dOptions, conv2d, convTranspose2d } from "./ops/conv2d.js";
export { conv1x1, conv3x3, convTranspose2x2 } from "./ops/convolution.js";
export { depthwiseConv3x3 } from "./ops/depthwise-convolution.js";
export { deformElastically } from "./ops/elastic.js";
export { entropyMap } from "./ops/entropy-map.js";
export { globalAveragePool } from "./ops/global-average-pool.js";
export type { GradientOptions } from "./ops/gradient-options.js";
export { type GradientsOf, gradients } from "./ops/gradients.js";
export { type GroupNormOptions, groupNorm } from "./ops/group-norm.js";
export { changeIntensities } from "./ops/intensities.js";
export { keepGradients } from "./ops/keep-gradients.js";
export { labelMap } from "./ops/label-map.js";
export type { LossScaling } from "./ops/loss-scaling.js";
export { maxPool2x2 } from "./ops/max-pool.js";
export { mirror } from "./ops/mirror.js";
export { overlapCounts } from "./ops/overlap-counts.js";
export { extractPatches, mergePatches } from "./ops/patches.js";
export {
  add,
  addScalar,
  divide,
  exp,
  hardswish,
  leakyRelu,
  log,
  multiply,
  negate,
  relu,
  scale,
  sigmoid,
  silu,
  sqrt,
  subtract,
} from "./ops/pointwise.js";
export { type RandomSeed, randomBernoulli, randomNormal, randomUniform } from "./ops/random.js";
export { sgd } from "./ops/sgd.js";
export { type SampledSlices, type SliceBatchInputs, sampleSlices } from "./ops/slice-sampler.js";
export {
  augmentTransform,
  composed,
  fitTransform,
  inverted,
  type PlaneAugmentation,
  type PlaneTransform,
  resizeTransform,
} from "./ops/slice-transforms.js";
export { softmaxChannels } from "./ops/softmax.js";
export { type SoftmaxLoss, type SoftmaxLossOptions, softmaxLoss } from "./ops/softmax-loss.js";
export { channelSum, sum } from "./ops/sum.js";
export { topKCrossEntropy } from "./ops/top-k-cross-entropy.js";
export { transpose } from "./ops/transpose.js";
export { upsampleBilinear2x } from "./ops/upsample-bilinear.js";
export {
  readSafetensors,
  readSafetensorsMetadata,
  SafetensorsError,
  type SafetensorsTensor,
  writeSafetensors,
} from "./safetensors.js";
export { asImage, DegenerateNormError, PlanError, printShape, type Shape, ShapeError } from "./shape.js";
export { type TuneOptions, type TuneResult, tune } from "./tune/tune.js";
export { type TunedAdapter, Tuning, type TuningEntry, TuningError, type TuningFile } from "./tune/tuning.js";
