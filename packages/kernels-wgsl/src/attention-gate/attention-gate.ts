import {
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  type Reduction,
} from "../contract/kernel.js";
import { noWeight } from "../contract/packing.js";
import { hasQuads } from "../contract/quads.js";
import { withSerialSums, withSubgroupSums } from "../transforms/lane-sums.js";
import { withQuadTiles } from "../transforms/quad-tiles.js";
import { partialsPerWorkgroup } from "../transforms/statistics.js";
import { withStoreLoop } from "../transforms/store-loop.js";
import { withSubgroupWeights } from "../transforms/weights.js";
import { replaceBinding, replaceDefinition } from "../transforms/wgsl-text.js";
import source from "./attention-gate.wgsl.js";
import gradSource from "./attention-gate-grad.wgsl.js";

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

/**
 * gated = α ⊙ skip with α = σ(ψ·relu(wx·skip + wg·gating + bias) + ψbias).
 *
 * Slots Skip, Gating and Output (gated); `parameters` as {@link packAttentionGate} lays them out; writes `alpha`
 * [n, 1, h, w]. Source: Oktay et al. 2018, "Attention U-Net".
 */
export function attentionGate(problem: AttentionGateProblem, reduction: Reduction): Kernel {
  const { shape, inter } = problem;
  const pixels = imageSize(shape) / shape.channels;
  const sizes = sizesOf(problem);
  const shared = reduction === "subgroup";
  return {
    name: shared ? "attention-gate-subgroup" : "attention-gate",
    source: shared ? withSharedParameters(source) : source,
    launches: [{ sizes, workgroups: [...foldWorkgroups(ceilDivide(sizes.tiles, lanes)), 1] }],
    flops: pixels * (4 * shape.channels * inter + 4 * inter + shape.channels),
    bytes: 4 * (3 * imageSize(shape) + pixels),
  };
}

const gradSources: Readonly<Record<Reduction, string>> = {
  parallel: gradSource,
  serial: withStoreLoop(withSerialSums(gradSource)),
  subgroup: withSharedParameters(withSubgroupSums(gradSource)),
};

/** How the quads of `gradients`, which is written and read again, are reached. */
const quadGradients = {
  placesOf: `fn placeOf(tile: Tile, channel: u32) -> u32 {
  return (tile.n * (sizes.inter + sizes.channels) + channel) * sizes.quarter + tile.place;
}`,
  storeGradients: `fn storeGradients(tile: Tile, channel: u32, values: vec4f) {
  if (tile.live.x) { gradients[placeOf(tile, channel)] = vec4<real>(values); }
}`,
  storedGradients: `fn storedGradients(tile: Tile, channel: u32) -> vec4f {
  return select(vec4f(), vec4f(gradients[placeOf(tile, channel)]), tile.live);
}`,
} as const;

/** The kernel for GPUs and images whose width is a multiple of 4. */
const gradQuadSource = Object.entries(quadGradients).reduce(
  (text, [name, definition]) => replaceDefinition(text, "fn", name, definition),
  withQuadTiles(
    replaceBinding(gradSource, "gradients", "var<storage, read_write> gradients: array<vec4<real>>;"),
    ["skip", "gating", "gradOutput"].map((binding) => ({ binding, at: `${binding}At` })),
    "channels",
  ),
);

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
  reduction: Reduction,
): Kernel & { readonly partials: number } {
  const { shape, inter } = problem;
  const pixels = imageSize(shape) / shape.channels;
  const sizes = sizesOf(problem);
  const groups = ceilDivide(sizes.tiles, lanes);
  const partials = groups * partialsPerWorkgroup(reduction);
  const quads = reduction === "parallel" && hasQuads(shape);
  const way = quads ? "vector" : reduction;
  return {
    name: way === "parallel" ? "attention-gate-grad" : `attention-gate-grad-${way}`,
    source: quads ? gradQuadSource : gradSources[reduction],
    launches: [
      {
        sizes: { ...sizes, groups, rowCount: partials, blockChannels: block },
        workgroups: [...foldWorkgroups(groups), 1],
      },
    ],
    flops: pixels * (8 * shape.channels * inter + 12 * inter + 4 * shape.channels),
    bytes: 4 * (5 * imageSize(shape) + pixels * inter + partials * (2 * inter + 1)),
    partials,
    statistics: { partials: groups },
  };
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
