import { ShapeError } from "@lobule/tensor";
import type { Activation } from "../layers/activation.js";

/** Rows, then columns. */
type Pair = readonly [rows: number, columns: number];

/** A level of an {@link NnUNetSpec}. */
export interface NnUNetStage {
  readonly features: number;
  /** Extents of the kernels of its convolutions, odd. */
  readonly kernel: Pair;
  /** Of its first convolution, 1 or 2: by how much height and width shrink on the way to this level. */
  readonly stride: Pair;
  /** Of the encoder: convolutions, or residual blocks. */
  readonly blocks: number;
  /** Convolutions of the decoder on the way up, at least 1; of no account at the bottom, where there is no decoder. */
  readonly decoderConvolutions: number;
}

/**
 * The networks of nnU-Net in two dimensions, level by level. plain: PlainConvUNet, whose encoder has convolutions alone;
 * residual: ResidualEncoderUNet, whose encoder begins with a convolution and has residual blocks.
 */
export interface NnUNetSpec {
  readonly encoder: "plain" | "residual";
  /** From the image down to the bottom; at least 2. */
  readonly stages: readonly NnUNetStage[];
  /** Whether convolutions before a normalization, and transposed ones, have a bias. */
  readonly convolutionBias: boolean;
  readonly norm: "instance" | "batch";
  readonly activation: Activation;
  /** How many decoder levels below the last have logits of their own, which the loss takes in. */
  readonly deepSupervision: number;
}

/** By how much height and width of the image are divided at the bottom. */
export const nnunetDivisors = ({ stages }: Pick<NnUNetSpec, "stages">): Pair =>
  stages.reduce<Pair>(([y, x], { stride }) => [y * stride[0], x * stride[1]], [1, 1]);

/** Why a network cannot be built so, in a phrase; undefined where it can. */
export function nnunetProblem({ stages, deepSupervision }: NnUNetSpec): string | undefined {
  if (stages.length < 2) return `a network of nnU-Net has at least 2 stages, got ${stages.length}`;
  const [first] = stages;
  if (first !== undefined && first.stride[0] * first.stride[1] !== 1) {
    return `the stride of stage 0 must be 1×1, got ${first.stride.join("×")}`;
  }
  for (const [i, { kernel, stride }] of stages.entries()) {
    if (kernel.some((each) => each % 2 === 0)) return `the kernel of stage ${i} must be odd, got ${kernel.join("×")}`;
    if (stride.some((each) => each !== 1 && each !== 2)) {
      return `the stride of stage ${i} must be 1 or 2 along each axis, got ${stride.join("×")}`;
    }
  }
  const most = stages.length - 2;
  if (deepSupervision > most)
    return `deepSupervision must be from 0 to ${most} with ${stages.length} stages, got ${deepSupervision}`;
  return undefined;
}

/** The stages, from the image down. @throws ShapeError naming the network and what of its specification is wrong. */
export function stagesOf(name: string, spec: NnUNetSpec): readonly [NnUNetStage, ...NnUNetStage[]] {
  const problem = nnunetProblem(spec);
  const [top, ...deeper] = spec.stages;
  if (problem !== undefined || top === undefined) throw new ShapeError(`${name}: ${problem}`);
  return [top, ...deeper];
}
