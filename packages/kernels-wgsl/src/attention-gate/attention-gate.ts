import {
  ceilDivide,
  foldWorkgroups,
  type ImageShape,
  imageSize,
  type Kernel,
  type Reduction,
} from "../shared/kernel.js";
import { noWeight } from "../shared/packing.js";
import source from "./attention-gate.wgsl.js";
import gradSource from "./attention-gate-grad.wgsl.js";
import gradSerialSource from "./attention-gate-grad-serial.wgsl.js";

export interface AttentionGateProblem {
  /** Extents of skip and gating. */
  readonly shape: ImageShape;
  /** Intermediate channels. */
  readonly inter: number;
}

const lanes = 64;
const block = 8;

const sizesOf = ({ shape: { batch, channels, height, width }, inter }: AttentionGateProblem) => ({
  batch,
  channels,
  inter,
  height,
  width,
});

const groupsOf = ({ batch, height, width }: ImageShape): number => ceilDivide(batch * height * width, lanes);

/**
 * gated = α ⊙ skip with α = σ(ψ·relu(wx·skip + wg·gating + bias) + ψbias).
 *
 * Slots Skip, Gating and Output (gated); `parameters` as {@link packAttentionGate} lays them out; writes `alpha`
 * [n, 1, h, w]. Source: Oktay et al. 2018, "Attention U-Net".
 */
export function attentionGate(problem: AttentionGateProblem): Kernel {
  const { shape, inter } = problem;
  const pixels = imageSize(shape) / shape.channels;
  return {
    name: "attention-gate",
    source,
    launches: [{ sizes: sizesOf(problem), workgroups: [...foldWorkgroups(groupsOf(shape)), 1] }],
    flops: pixels * (4 * shape.channels * inter + 4 * inter + shape.channels),
    bytes: 4 * (3 * imageSize(shape) + pixels),
  };
}

/**
 * Gradient of the gate at the input of its ReLU: Output [n, inter, h, w], and `partials` [partials, 2·inter + 1] of the
 * gradients of bias, ψ and ψbias. Slots Skip, Gating, GradOutput and Output; `alpha` as the forward kernel wrote it.
 * The gradients of skip, gating, wx and wg are 1×1 convolutions of Output.
 */
export function attentionGateGrad(
  problem: AttentionGateProblem,
  reduction: Reduction,
): Kernel & { readonly partials: number } {
  const { shape, inter } = problem;
  const serial = reduction === "serial";
  const pixels = imageSize(shape) / shape.channels;
  const run = lanes; // pixels that an invocation or a workgroup sums
  const runs = ceilDivide(shape.height * shape.width, run); // of a sample
  const partials = serial ? shape.batch * runs : groupsOf(shape);
  return {
    name: serial ? "attention-gate-grad-serial" : "attention-gate-grad",
    source: serial ? gradSerialSource : gradSource,
    launches: [
      {
        sizes: { ...sizesOf(problem), ...(serial ? { run, runs } : {}) },
        workgroups: [...foldWorkgroups(serial ? ceilDivide(partials, lanes) : partials), 1],
      },
    ],
    flops: pixels * (4 * shape.channels * inter + 8 * inter + 2 * shape.channels),
    bytes: 4 * (3 * imageSize(shape) + pixels * (1 + inter) + partials * (2 * inter + 1)),
    partials,
  };
}

/**
 * Layout of `parameters`: for each block of 8 intermediate channels the rows of 8 wx (by channel), wg (by channel),
 * bias, ψ; at the end ψbias. `source` 0 to 4 stands for wx [inter, c], wg [inter, c], bias, ψ, ψbias.
 */
export function packAttentionGate(
  channels: number,
  inter: number,
): { readonly length: number; readonly source: Uint8Array; readonly index: Uint32Array } {
  const rows = 2 * channels + 2;
  const blocks = ceilDivide(inter, block);
  const length = blocks * rows * block + 1;
  const source = new Uint8Array(length);
  const index = new Uint32Array(length).fill(noWeight);
  for (let j = 0; j < inter; j++) {
    const base = Math.floor(j / block) * rows * block + (j % block);
    const put = (row: number, from: number, at: number): void => {
      source[base + row * block] = from;
      index[base + row * block] = at;
    };
    for (let c = 0; c < channels; c++) {
      put(c, 0, j * channels + c);
      put(channels + c, 1, j * channels + c);
    }
    put(2 * channels, 2, j);
    put(2 * channels + 1, 3, j);
  }
  source[length - 1] = 4;
  index[length - 1] = 0;
  return { length, source, index };
}
