import { type AttentionKernels, scaledDotProductAttention as attentionKernels } from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernels } from "../graph/named.js";
import type { Tensor } from "../graph/tensor.js";
import { printShape, ShapeError } from "../shape.js";

type Heads = Tensor<readonly [b: number, h: number, l: number, d: number], "f32">;

/**
 * Scaled dot-product attention: attention = softmax over keys of q kᵀ / √d; output = attention · v.
 *
 * q [b, h, lq, d], k [b, h, lk, d], v [b, h, lk, dv] → output [b, h, lq, dv], attention [b, h, lq, lk]. Gradients flow
 * through the output only. Source: Vaswani et al. 2017, equation 1.
 * @throws ShapeError when batch, heads, depth or the number of keys differ.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
): { readonly output: Heads; readonly attention: Heads } {
  const [[batch = 0, heads = 0, queries = 0, depth = 0], [kb, kh, keys = 0, kd], [vb, vh, vl, valueDepth = 0]] = [
    q.shape,
    k.shape,
    v.shape,
  ];
  const fits =
    [q, k, v].every(({ shape }) => shape.length === 4) &&
    [kb, vb].every((each) => each === batch) &&
    [kh, vh].every((each) => each === heads) &&
    kd === depth &&
    vl === keys;
  if (!fits) {
    throw new ShapeError(
      `scaledDotProductAttention: q ${printShape(q.shape)}, k ${printShape(k.shape)} and v ${printShape(v.shape)} do not fit [b, h, lq, d], [b, h, lk, d], [b, h, lk, dv]`,
    );
  }
  const kernels = attentionKernels({ batch, heads, queries, keys, depth, valueDepth });
  return applyKernels({
    name: "scaled-dot-product-attention",
    inputs: { query: q, key: k, value: v },
    outputs: {
      output: f32([batch, heads, queries, valueDepth] as const),
      attention: f32([batch, heads, queries, keys] as const),
    },
    halfInputs: ["query", "key", "value"],
    halfOutputs: ["output", "attention"],
    lower: (inputs, outputs, lowering) =>
      lowering.call({ kernel: kernels.forward, bindings: { ...inputs, ...outputs } }),
    gradient: ({ output: gradOutput }, inputs, { attention }) =>
      gradOutput === undefined ? {} : attentionGradients(kernels, { ...inputs, attention, gradOutput }),
  });
}

/** Gradients with respect to query, key and value. */
const attentionGradients = (
  kernels: AttentionKernels,
  inputs: Readonly<Record<"query" | "key" | "value" | "attention" | "gradOutput", Tensor>>,
) =>
  applyKernels({
    name: "scaled-dot-product-attention-grad",
    inputs,
    outputs: { query: f32(inputs.query.shape), key: f32(inputs.key.shape), value: f32(inputs.value.shape) },
    halfInputs: ["query", "key", "value", "attention", "gradOutput"],
    halfOutputs: ["query", "key", "value"],
    lower: ({ query, key, value, attention, gradOutput }, gradients, lowering) => {
      const gradScores = lowering.scratch(attention.shape);
      lowering.call({ kernel: kernels.gradScores, bindings: { attention, value, gradOutput, gradScores } });
      lowering.call({
        kernel: kernels.gradQuery,
        bindings: { matrix: gradScores, factor: key, output: gradients.query },
      });
      lowering.call({
        kernel: kernels.gradKey,
        bindings: { matrix: gradScores, factor: query, output: gradients.key },
      });
      lowering.call({
        kernel: kernels.gradValue,
        bindings: { matrix: attention, factor: gradOutput, output: gradients.value },
      });
    },
  });
