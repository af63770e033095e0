import { ceilDivide, foldWorkgroups, type Kernel, type Reduction } from "../contract/kernel.js";
import { replaceConstant, replaceDefinition, replaceText } from "../transforms/wgsl-text.js";
import evalSource from "./batch-norm-eval.wgsl.js";
import finishSource from "./batch-norm-finish.wgsl.js";
import gradFinishSource from "./batch-norm-grad-finish.wgsl.js";

export interface BatchNormFinishProblem {
  readonly channels: number;
  /** Partial statistics of a channel. */
  readonly partials: number;
  /** Added to the variance. */
  readonly epsilon: number;
  /** running ← (1 − momentum)·running + momentum·batch; the variance enters unbiased. */
  readonly momentum: number;
}

/** Invocations of a workgroup where each has a channel. */
const lanes = 64;

/** A finish with an invocation a channel in place of a workgroup, without barriers. See {@link Reduction}. */
function withInvocationPerChannel(source: string): string {
  const definitions = {
    channelOf: "fn channelOf(workgroup: u32, lane: u32) -> u32 { return workgroup * LANES + lane; }",
    writes: "fn writes(lane: u32) -> bool { return true; }",
    // In runs, so that many partial results keep their digits.
    statisticsOf: `fn statisticsOf(channel: u32, lane: u32) -> vec3f {
  let c = min(channel, sizes.channels - 1u);
  let partials = select(0u, sizes.partials, channel < sizes.channels);
  var all = vec3f();
  for (var first = 0u; first < partials; first += 128u) {
    var some = vec3f();
    for (var p = first; p < min(first + 128u, partials); p++) {
      some = merge(some, statistics[p * sizes.channels + c].xyz);
    }
    all = merge(all, some);
  }
  return all;
}`,
  };
  return Object.entries(definitions).reduce(
    (text, [name, definition]) => replaceDefinition(text, "fn", name, definition),
    replaceConstant(replaceText(source, /^var<workgroup> parts.*\n/m, ""), "LANES", lanes),
  );
}

/** A workgroup a channel, or an invocation a channel. */
const finishOf = (
  name: string,
  channels: number,
  reduction: Reduction,
  source: string,
  sizes: Readonly<Record<string, number>>,
): Pick<Kernel, "name" | "source" | "launches"> => {
  const serial = reduction !== "parallel";
  const groups = serial ? ceilDivide(channels, lanes) : channels;
  return {
    name: serial ? `${name}-serial` : name,
    source: serial ? withInvocationPerChannel(source) : source,
    launches: [{ sizes, workgroups: [...foldWorkgroups(groups), 1] }],
  };
};

/**
 * From partial moments to coefficients (γ·inverseDeviation, β, mean, inverseDeviation) of each channel, and the running
 * statistics moved in place. Source: Ioffe and Szegedy 2015, algorithm 1; PyTorch's update rule.
 */
export function batchNormFinish(
  { channels, partials, epsilon, momentum }: BatchNormFinishProblem,
  reduction: Reduction,
): Kernel {
  return {
    ...finishOf("batch-norm-finish", channels, reduction, finishSource, {
      channels,
      partials,
      epsilon,
      momentum,
    }),
    flops: 10 * partials * channels,
    bytes: 16 * partials * channels + 40 * channels,
  };
}

/** The same coefficients from the running statistics. */
export function batchNormEval({ channels, epsilon }: { readonly channels: number; readonly epsilon: number }): Kernel {
  return {
    name: "batch-norm-eval",
    source: evalSource,
    launches: [{ sizes: { channels, epsilon }, workgroups: [ceilDivide(channels, 64), 1, 1] }],
    flops: 4 * channels,
    bytes: 32 * channels,
  };
}

export interface BatchNormGradProblem {
  readonly channels: number;
  readonly partials: number;
  /** Whether mean and variance came from the batch, so that the gradient flows through them. */
  readonly trainingStatistics: boolean;
}

/**
 * From partial sums of g and g·x̂ to ∂γ = Σ g·x̂, ∂β = Σ g and, with M values a channel, the coefficients k of
 * ∂x = k₀·g + k₁·(x − k₃) + k₂: k₀ = γ·inverseDeviation, k₁ = −k₀·inverseDeviation·∂γ/M, k₂ = −k₀·∂β/M, k₃ = mean.
 */
export function batchNormGradFinish(
  { channels, partials, trainingStatistics }: BatchNormGradProblem,
  reduction: Reduction,
): Kernel {
  const sizes = { channels, partials, trainingStatistics: trainingStatistics ? 1 : 0 };
  return {
    ...finishOf("batch-norm-grad-finish", channels, reduction, gradFinishSource, sizes),
    flops: 3 * partials * channels,
    bytes: 16 * partials * channels + 40 * channels,
  };
}
