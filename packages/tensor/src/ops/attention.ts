import { scaledDotProductAttention as attentionKernels } from "@lobule/kernels-wgsl";
import { apply, type Tensor } from "../graph/tensor.js";
import { printShape, type Shape, ShapeError } from "../shape.js";

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
  const f32 = <S extends Shape>(shape: S) => ({ shape, dtype: "f32" }) as const;
  const scores = f32([batch, heads, queries, keys] as const);

  const [output, attention] = apply(
    {
      kind: "kernel",
      name: "scaled-dot-product-attention",
      halfInputs: [0, 1, 2],
      halfOutputs: [0, 1],
      lower: (lowering, inputs, outputs) => {
        const [query, key, value] = inputs as [Tensor, Tensor, Tensor];
        const [out, weights] = outputs as [Tensor, Tensor];
        lowering.call({ kernel: kernels.forward, bindings: { query, key, value, attention: weights, output: out } });
      },
      gradient: ([g]) => (g === undefined ? [] : gradient(g)),
    },
    [q, k, v],
    [f32([batch, heads, queries, valueDepth] as const), scores],
  ) as [Heads, Heads];

  const gradient = (gradOutput: Tensor): readonly Tensor[] =>
    apply(
      {
        kind: "kernel",
        name: "scaled-dot-product-attention-grad",
        halfInputs: [0, 1, 2, 3, 4],
        halfOutputs: [0, 1, 2],
        lower: (lowering, inputs, outputs) => {
          const [query, key, value, weights, g] = inputs as [Tensor, Tensor, Tensor, Tensor, Tensor];
          const [gradQ, gradK, gradV] = outputs as [Tensor, Tensor, Tensor];
          const gradScores = lowering.scratch(scores.shape);
          lowering.call({
            kernel: kernels.gradScores,
            bindings: { attention: weights, value, gradOutput: g, gradScores },
          });
          lowering.call({ kernel: kernels.gradQuery, bindings: { matrix: gradScores, factor: key, output: gradQ } });
          lowering.call({ kernel: kernels.gradKey, bindings: { matrix: gradScores, factor: query, output: gradK } });
          lowering.call({ kernel: kernels.gradValue, bindings: { matrix: weights, factor: g, output: gradV } });
        },
      },
      [q, k, v, attention, gradOutput],
      [f32(q.shape), f32(k.shape), f32(v.shape)],
    );
  return { output, attention };
}
