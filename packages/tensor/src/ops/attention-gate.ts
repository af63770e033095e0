import { attentionGateGrad, attentionGate as attentionGateKernel, packAttentionGate } from "@lobule/kernels-wgsl";
import { apply, type Image, type Tensor, type Vector } from "../graph/tensor.js";
import { asImage, PlanError, printShape, ShapeError } from "../shape.js";
import { conv1x1Gradients } from "./convolution.js";
import { add, multiply } from "./pointwise.js";

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
 * One kernel forward; backward one for the gradient before the ReLU, then 1×1 kernels. `alpha` [n, 1, h, w] is given
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
  const weights = [wx, wg, wgBias, psi, psiBias] as const;
  const problem = { shape, inter };
  const packName = `attention-gate ${shape.channels} ${inter}`;
  const [gated, alpha] = apply(
    {
      kind: "kernel",
      name: "attention-gate",
      slotInputs: [0, 1],
      store: "store",
      halfOutputs: [1],
      repeatable: { flops: 0, expression: ([s], [, a]) => multiply(s as Tensor, a as Tensor) },
      lower: (lowering, [s, g, ...rest], [output, alphaOutput]) =>
        lowering.call({
          kernel: attentionGateKernel(problem, lowering.reduction()),
          slots: { skip: s as Tensor, gating: g as Tensor },
          bindings: {
            parameters: lowering.packed(rest, packName, () => packAttentionGate(shape.channels, inter)),
            alpha: alphaOutput as Tensor,
          },
          output: output as Tensor,
        }),
      gradient: ([gradGated, gradAlpha]) => {
        if (gradAlpha !== undefined) {
          throw new PlanError(
            "attentionGate: the loss depends on alpha, which has no gradient; use gated, or write the gate from conv1x1, relu and sigmoid",
          );
        }
        return gradGated === undefined ? [] : gradient(gradGated);
      },
    },
    [skip, gating, ...weights],
    [
      { shape: skip.shape, dtype: "f32" },
      { shape: [shape.batch, 1, shape.height, shape.width], dtype: "f32" },
    ],
  );

  const gradient = (gradGated: Tensor): readonly (Tensor | undefined)[] => {
    const vector = (length: number) => ({ shape: [length], dtype: "f32" }) as const;
    const [gradPre, gradWgBias, gradPsi, gradPsiBias] = apply(
      {
        kind: "kernel",
        name: "attention-gate-grad",
        slotInputs: [0, 1, 2],
        halfInputs: [3],
        store: "store",
        lower: (lowering, [s, g, gradOutput, alphaInput, ...rest], outputs) => {
          const kernel = attentionGateGrad(problem, lowering.reduction());
          const length = 2 * inter + 1;
          const partials = lowering.scratch([kernel.partials, length]);
          lowering.call({
            kernel,
            slots: { skip: s as Tensor, gating: g as Tensor, gradOutput: gradOutput as Tensor },
            bindings: {
              parameters: lowering.packed(rest, packName, () => packAttentionGate(shape.channels, inter)),
              alpha: alphaInput as Tensor,
              partials,
            },
            output: outputs[0] as Tensor,
          });
          const from = (partialOffset: number, count: number) =>
            ({
              partialOffset,
              partialStride: length,
              elementStride: 1,
              length: count,
              count: kernel.partials,
            }) as const;
          lowering.sum(partials, outputs[1] as Tensor, from(0, inter));
          lowering.sum(partials, outputs[2] as Tensor, from(inter, inter));
          lowering.sum(partials, outputs[3] as Tensor, from(2 * inter, 1));
        },
      },
      [skip, gating, gradGated, alpha as Tensor, ...weights],
      [
        { shape: [shape.batch, inter, shape.height, shape.width], dtype: "f32" },
        vector(inter),
        { shape: [1, inter, 1, 1], dtype: "f32" },
        vector(1),
      ],
    );
    const ofSkip = conv1x1Gradients(skip, wx, gradPre as Tensor);
    const ofGating = conv1x1Gradients(gating, wg, gradPre as Tensor);
    return [
      add(ofSkip.x, multiply(gradGated, alpha as Tensor)),
      ofGating.x,
      ofSkip.weight,
      ofGating.weight,
      gradWgBias,
      gradPsi,
      gradPsiBias,
    ];
  };
  return { gated: gated as Image<C>, alpha: alpha as Image<1> };
}
