import { imageSize, type Kernel } from "../contract/kernel.js";
import { noWeight } from "../contract/packing.js";
import { hasQuads } from "../contract/quads.js";
import { randomArray } from "../testing/close.js";
import { runKernel } from "../testing/runner.js";
import { attentionGateCases } from "./attention-gate.cases.js";
import { type AttentionGateProblem, attentionGate, attentionGateGrad, packAttentionGate } from "./attention-gate.js";
import { attentionGateReference, attentionPreReference } from "./attention-gate.reference.js";

type Weights = Readonly<Record<"wx" | "wg" | "bias" | "psi" | "psiBias", Float32Array>>;

export const empty = (length: number): Float32Array => new Float32Array(length).fill(Number.NaN);

export function pack({ wx, wg, bias, psi, psiBias }: Weights, channels: number, inter: number): Float32Array {
  const { length, source, index } = packAttentionGate(channels, inter);
  const sources = [wx, wg, bias, psi, psiBias];
  return Float32Array.from({ length }, (_, i) => {
    const from = index[i] as number;
    return from === noWeight ? 0 : ((sources[source[i] as number] as Float32Array)[from] as number);
  });
}

export function makeArrays({ shape, inter }: AttentionGateProblem, scale = 1) {
  const { channels } = shape;
  const fan = 1 / Math.sqrt(channels);
  return {
    skip: randomArray(imageSize(shape), 1),
    gating: randomArray(imageSize(shape), 2),
    gradGated: randomArray(imageSize(shape), 3),
    wx: randomArray(inter * channels, 4, fan),
    wg: randomArray(inter * channels, 5, fan),
    bias: randomArray(inter, 6, 0.5),
    psi: randomArray(inter, 7, scale / Math.sqrt(inter)),
    psiBias: Float32Array.of(0.3),
  };
}

export type Arrays = ReturnType<typeof makeArrays>;

export const referenceOf = (arrays: Readonly<Record<keyof Arrays, ArrayLike<number>>>, problem: AttentionGateProblem) =>
  attentionGateReference({ ...arrays, pre: attentionPreReference(arrays, problem) }, problem.shape);

export async function forward(
  device: GPUDevice,
  problem: AttentionGateProblem,
  arrays: Arrays,
  kernel: Kernel = attentionGate(problem, "parallel"),
) {
  const { skip, gating } = arrays;
  const parameters = pack(arrays, problem.shape.channels, problem.inter);
  const alpha = empty(skip.length / problem.shape.channels);
  const bound = { skip, gating, parameters, alpha, output: empty(skip.length) };
  return runKernel(device, kernel, bound, ["output", "alpha"]);
}

/** Adds up what `partials` holds, and parts `gradients`. */
export function results(
  { output, gradients, partials }: Readonly<Record<"output" | "gradients" | "partials", ArrayLike<number>>>,
  { shape: { channels, height, width }, inter }: AttentionGateProblem,
) {
  const row = 2 * inter + 1;
  const sums = new Float64Array(row);
  for (let i = 0; i < partials.length; i++) sums[i % row] = (sums[i % row] as number) + (partials[i] as number);
  const pixels = height * width;
  const channelsOf = (first: number, end: number): number[] =>
    Array.from(gradients).filter((_, i) => {
      const channel = Math.floor(i / pixels) % (inter + channels);
      return channel >= first && channel < end;
    });
  return {
    gradGating: Array.from(output),
    sums,
    gradPre: channelsOf(0, inter),
    gradSkip: channelsOf(inter, inter + channels),
  };
}

export async function backward(
  device: GPUDevice,
  problem: AttentionGateProblem,
  arrays: Arrays,
  kernel = attentionGateGrad(problem, "parallel"),
) {
  const { skip, gating, gradGated } = arrays;
  const { shape, inter } = problem;
  const bound = {
    skip,
    gating,
    gradOutput: gradGated,
    parameters: pack(arrays, shape.channels, inter),
    gradients: empty((skip.length / shape.channels) * (inter + shape.channels)),
    output: empty(skip.length),
    partials: empty(kernel.partials * (2 * inter + 1)),
  };
  return results(await runKernel(device, kernel, bound, ["output", "gradients", "partials"]), problem);
}

/** Every case by every variant that takes it. */
export const attentionGateProblems = attentionGateCases.flatMap((each) =>
  (["parallel", "serial", "subgroup", "vector"] as const)
    .filter((variant) => variant !== "vector" || hasQuads(each.shape))
    .map((variant) => ({ ...each, variant })),
);
