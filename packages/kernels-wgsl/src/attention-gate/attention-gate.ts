import {
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  type Launch,
  type Reduction,
} from "../contract/kernel.js";
import { noWeight } from "../contract/packing.js";
import { quadsOf } from "../contract/quads.js";
import { withSerialSums, withSubgroupSums } from "../transforms/lane-sums.js";
import { partialsPerWorkgroup } from "../transforms/statistics.js";
import { withStoreLoop } from "../transforms/store-loop.js";
import { withSubgroupWeights } from "../transforms/weights.js";
import { replaceConstant } from "../transforms/wgsl-text.js";
import source from "./attention-gate.wgsl.js";
import gradSource from "./attention-gate-grad.wgsl.js";
import gradVectorSource from "./attention-gate-grad-vector.wgsl.js";
import vectorSource from "./attention-gate-vector.wgsl.js";

/** The extents of an attention gate. */
export interface AttentionGateProblem {
  /** Extents of skip and gating. */
  readonly shape: ImageShape;
  /** Intermediate channels. */
  readonly inter: number;
}

const lanes = 64;
const block = 8;

/** Tiles of four pixels. */
function sizesOf({ shape: { batch, channels, height, width }, inter }: AttentionGateProblem) {
  const quarter = ceilDivide(height * width, 4);
  return { channels, inter, height, width, quarter, tiles: batch * quarter };
}

const withSharedParameters = (text: string): string =>
  withSubgroupWeights(text, { binding: "parameters", parameters: "row: u32", index: "8u * row + place" });

/** Quads, counted through all images. */
function quadSizesOf(name: string, { shape, inter }: AttentionGateProblem) {
  const { batch, channels, height } = shape;
  const quads = quadsOf(name, shape);
  return { channels, inter, height, quads, tiles: batch * height * quads };
}

/** A file of quads for so many intermediate channels. */
const forInter = (text: string, inter: number): string =>
  replaceConstant(text, "HALVES", Math.min(3, ceilDivide(inter, block / 2)));

/**
 * gated = α ⊙ skip with α = σ(ψ·relu(wx·skip + wg·gating + bias) + ψbias).
 *
 * Slots Skip, Gating and Output (gated); `parameters` as {@link packAttentionGate} lays them out; writes `alpha`
 * [n, 1, h, w]. `vector` is for GPUs and images whose width is a multiple of 4. Source: Oktay et al. 2018, "Attention U-Net".
 */
export function attentionGate(problem: AttentionGateProblem, variant: Reduction | "vector"): Kernel {
  const { shape, inter } = problem;
  const pixels = imageSize(shape) / shape.channels;
  const cost = {
    flops: pixels * (4 * shape.channels * inter + 4 * inter + shape.channels),
    bytes: 4 * (3 * imageSize(shape) + pixels),
  };
  const make = (name: string, text: string, sizes: Readonly<Record<string, number>> & { tiles: number }): Kernel => ({
    name,
    source: text,
    launches: [{ sizes, workgroups: [...foldWorkgroups(ceilDivide(sizes.tiles, lanes)), 1] }],
    ...cost,
  });
  if (variant === "vector") {
    const name = "attention-gate-vector";
    const kernel = make(name, forInter(vectorSource, inter), quadSizesOf(name, problem));
    return { ...kernel, innerTrips: ceilDivide(shape.channels, 2) };
  }
  const sizes = sizesOf(problem);
  return variant === "subgroup"
    ? make("attention-gate-subgroup", withSharedParameters(source), sizes)
    : make("attention-gate", source, sizes);
}

const gradSources: Readonly<Record<Reduction, string>> = {
  parallel: gradSource,
  serial: withStoreLoop(withSerialSums(gradSource)),
  subgroup: withSharedParameters(withSubgroupSums(gradSource)),
};

/**
 * Gradient of the gate: Output [n, c, h, w] of gating, `gradients` [n, inter + c, h, w] of the input of its ReLU and of
 * skip, and `partials` [partials, 2·inter + 1] of the gradients of bias, ψ and ψbias. Slots Skip, Gating, GradOutput and
 * Output, statistics of it.
 *
 * With g = ψ ⊙ [pre > 0] · α (1 − α) Σ_c gradOutput ⊙ skip, the first of `gradients`: wgᵀ·g, and wxᵀ·g + α ⊙ gradOutput.
 * The gradients of wx and wg are those of 1×1 convolutions whose output's gradient is g.
 */
export function attentionGateGrad(
  problem: AttentionGateProblem,
  variant: Reduction | "vector",
): Kernel & { readonly partials: number } {
  const { shape, inter } = problem;
  const pixels = imageSize(shape) / shape.channels;
  const make = (
    launch: Launch,
    text: string,
    { partials, groups, only }: { readonly partials: number; readonly groups: number; readonly only?: Reduction },
  ) => ({
    name: variant === "parallel" ? "attention-gate-grad" : `attention-gate-grad-${variant}`,
    source: text,
    launches: [launch],
    flops: pixels * (8 * shape.channels * inter + 12 * inter + 4 * shape.channels),
    bytes: 4 * (5 * imageSize(shape) + pixels * inter + partials * (2 * inter + 1)),
    partials,
    statistics: { partials: groups, ...(only && { only }) },
  });
  if (variant === "vector") {
    const { launch, groups } = gradQuadLaunch(problem);
    const kernel = make(launch, forInter(gradVectorSource, inter), { partials: groups, groups, only: "parallel" });
    return { ...kernel, innerTrips: ceilDivide(shape.channels, 2) };
  }
  const sizes = sizesOf(problem);
  const groups = ceilDivide(sizes.tiles, lanes);
  const partials = groups * partialsPerWorkgroup(variant);
  const launch: Launch = {
    sizes: { ...sizes, groups, rowCount: partials, blockChannels: block },
    workgroups: [...foldWorkgroups(groups), 1],
  };
  return make(launch, gradSources[variant], { partials, groups });
}

/** Tiles of 2 rows × 4 columns. */
function gradQuadLaunch(problem: AttentionGateProblem): { readonly launch: Launch; readonly groups: number } {
  const { shape, inter } = problem;
  const sizes = quadSizesOf("attention-gate-grad-vector", problem);
  const rows = ceilDivide(shape.height, 2);
  const tiles = shape.batch * rows * sizes.quads;
  const groups = ceilDivide(tiles, lanes);
  const firstRow = ceilDivide(inter, block) * (2 * shape.channels + 2) + 1;
  const workgroups = [...foldWorkgroups(groups), 1] as const;
  return { launch: { sizes: { ...sizes, rows, tiles, groups, firstRow }, workgroups }, groups };
}

/**
 * Layout of `parameters`: for each block of 8 intermediate channels the rows of 8 wx (by channel), wg (by channel),
 * bias, ψ; then a row that begins with ψbias; then, for each block of 8 channels, by intermediate channel a row of 8 wx
 * and one of 8 wg. `source` 0 to 4 stands for wx [inter, c], wg [inter, c], bias, ψ, ψbias.
 */
export function packAttentionGate(
  channels: number,
  inter: number,
): { readonly length: number; readonly source: Uint8Array; readonly index: Uint32Array } {
  const rows = 2 * channels + 2;
  const blocks = ceilDivide(inter, block);
  const transposed = (blocks * rows + 1) * block;
  const length = transposed + ceilDivide(channels, block) * 2 * inter * block;
  const source = new Uint8Array(length);
  const index = new Uint32Array(length).fill(noWeight);
  for (let j = 0; j < inter; j++) {
    const base = Math.floor(j / block) * rows * block + (j % block);
    const put = (row: number, from: number, at: number): void => {
      source[base + row * block] = from;
      index[base + row * block] = at;
    };
    for (let c = 0; c < channels; c++) {
      const at = transposed + (Math.floor(c / block) * inter + j) * 2 * block + (c % block);
      for (const from of [0, 1]) {
        put(from * channels + c, from, j * channels + c);
        source[at + from * block] = from;
        index[at + from * block] = j * channels + c;
      }
    }
    put(2 * channels, 2, j);
    put(2 * channels + 1, 3, j);
  }
  source[transposed - block] = 4;
  index[transposed - block] = 0;
  return { length, source, index };
}
