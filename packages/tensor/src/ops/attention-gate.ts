import {
  type AttentionGateProblem,
  attentionGateGrad,
  attentionGate as attentionGateKernel,
  hasQuads,
  packAttentionGate,
} from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernels } from "../graph/named.js";
import type { Image, Lowering, Tensor, Vector } from "../graph/tensor.js";
import { asImage, PlanError, printShape, ShapeError } from "../shape.js";
import { sliceChannels } from "./channels.js";
import { conv1x1WeightGradients } from "./convolution.js";
import { multiply } from "./pointwise.js";

/** Images and parameters of an attention gate. */
export interface AttentionGateInputs<C extends number, Inter extends number> {
  /** Encoder feature, [n, c, h, w]. */
  readonly skip: Image<C>;
  /** Gating signal, [n, c, h, w]. */
  readonly gating: Image<C>;
  readonly wx: Tensor<readonly [Inter, C, 1, 1], "f32">;
  readonly wg: Tensor<readonly [Inter, C, 1, 1], "f32">;
  readonly wgBias: Vector<Inter>;
  readonly psi: Tensor<readonly [1, Inter, 1, 1], "f32">;
  readonly psiBias: Vector<1>;
}

/**
 * Additive attention gate: gated = α ⊙ skip, α = σ(ψ·relu(wx·skip + wg·gating + b) + bψ).
 *
 * One kernel forward; backward one, and 1×1 ones for the gradients of wx and wg. `alpha` [n, 1, h, w] is given
 * for inspection: a loss that depends on it is refused. Source: Oktay et al. 2018, "Attention U-Net".
 * @throws ShapeError when skip and gating differ, or a weight does not fit them; PlanError from gradients(…) when the
 * loss depends on alpha.
 */
export function attentionGate<C extends number, Inter extends number>(
  inputs: AttentionGateInputs<C, Inter>,
): { readonly gated: Image<C>; readonly alpha: Image<1> } {
  const { skip, gating, wx, wg, wgBias, psi, psiBias } = inputs;
  const shape = asImage(skip.shape);
  const inter = wx.shape[0];
  const expected: [string, Tensor, readonly number[]][] = [
    ["gating", gating, skip.shape],
    ["wx", wx, [inter, shape.channels, 1, 1]],
    ["wg", wg, [inter, shape.channels, 1, 1]],
    ["wgBias", wgBias, [inter]],
    ["psi", psi, [1, inter, 1, 1]],
    ["psiBias", psiBias, [1]],
  ];
  for (const [name, tensor, wanted] of expected) {
    if (printShape(tensor.shape) !== printShape(wanted)) {
      throw new ShapeError(
        `attentionGate: ${name} is ${printShape(tensor.shape)}, expected ${printShape(wanted)} for skip ${printShape(skip.shape)}`,
      );
    }
  }
  const problem = { shape, inter };
  return applyKernels({
    name: "attention-gate",
    inputs: { skip, gating, wx, wg, wgBias, psi, psiBias },
    outputs: {
      gated: f32(skip.shape),
      alpha: f32([shape.batch, 1, shape.height, shape.width] as const),
    },
    slotInputs: ["skip", "gating"],
    store: "store",
    halfOutputs: ["alpha"],
    repeatable: { flops: 0, expression: (from, { alpha }) => multiply(from.skip, alpha) },
    lower: (from, { gated, alpha }, lowering) =>
      lowering.call({
        kernel: attentionGateKernel(problem, variantOf(problem, lowering)),
        slots: { skip: from.skip, gating: from.gating },
        bindings: { parameters: packedParameters(problem, from, lowering), alpha },
        output: gated,
      }),
    gradient: ({ gated, alpha }, from) => {
      if (alpha !== undefined) {
        throw new PlanError(
          "attentionGate: the loss depends on alpha, which has no gradient; use gated, or write the gate from conv1x1, relu and sigmoid",
        );
      }
      return gated === undefined ? {} : gateGradients(problem, from, gated);
    },
  });
}

/** The kernels that suit an adapter: those of quads are for GPUs. */
function variantOf({ shape }: AttentionGateProblem, lowering: Lowering) {
  const reduction = lowering.reduction();
  return reduction === "parallel" && hasQuads(shape) ? "vector" : reduction;
}

type Parameters = Readonly<Record<"wx" | "wg" | "wgBias" | "psi" | "psiBias", Tensor>>;

/** All weights and biases as the kernels read them. */
const packedParameters = (
  { shape: { channels }, inter }: AttentionGateProblem,
  { wx, wg, wgBias, psi, psiBias }: Parameters,
  lowering: Lowering,
): Tensor =>
  lowering.packed([wx, wg, wgBias, psi, psiBias], `attention-gate ${channels} ${inter}`, () =>
    packAttentionGate(channels, inter),
  );

/** The kernel gives the gradients of everything but skip, wx and wg, and [inter + c] channels that those are made of. */
function gateGradients(
  problem: AttentionGateProblem,
  { skip, gating, wx, wg, wgBias, psi, psiBias }: Parameters & Readonly<Record<"skip" | "gating", Tensor>>,
  gradOutput: Tensor,
) {
  const { shape, inter } = problem;
  const { gradients, ...own } = applyKernels({
    name: "attention-gate-grad",
    inputs: { skip, gating, gradOutput, wx, wg, wgBias, psi, psiBias },
    outputs: {
      gating: f32(skip.shape),
      gradients: f32([shape.batch, inter + shape.channels, shape.height, shape.width]),
      wgBias: f32([inter]),
      psi: f32([1, inter, 1, 1]),
      psiBias: f32([1]),
    },
    slotInputs: ["skip", "gating", "gradOutput"],
    store: "statistics",
    halfOutputs: ["gradients"],
    lower: (from, to, lowering) => {
      const kernel = attentionGateGrad(problem, variantOf(problem, lowering));
      const length = 2 * inter + 1;
      const partials = lowering.scratch([kernel.partials, length]);
      lowering.call({
        kernel,
        slots: { skip: from.skip, gating: from.gating, gradOutput: from.gradOutput },
        bindings: { parameters: packedParameters(problem, from, lowering), gradients: to.gradients, partials },
        output: to.gating,
      });
      const segment = { partialStride: length, elementStride: 1, count: kernel.partials };
      lowering.sum(partials, to.wgBias, { ...segment, partialOffset: 0, length: inter });
      lowering.sum(partials, to.psi, { ...segment, partialOffset: inter, length: inter });
      lowering.sum(partials, to.psiBias, { ...segment, partialOffset: 2 * inter, length: 1 });
    },
  });
  const gradPre = sliceChannels(gradients, 0, inter);
  const gradSkip = sliceChannels(gradients, inter, inter + shape.channels);
  const weights = conv1x1WeightGradients({ a: skip, b: gating, gradOutput: gradPre });
  return { ...own, skip: gradSkip, wx: weights.a, wg: weights.b };
}
