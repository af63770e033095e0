import { ceilDivide, foldWorkgroups, type Kernel } from "../contract/kernel.js";
import forwardSource from "./sdpa.wgsl.js";
import gradScoresSource from "./sdpa-grad-scores.wgsl.js";
import productSource from "./sdpa-product.wgsl.js";

/** query [b, h, lq, d], key [b, h, lk, d], value [b, h, lk, dv]. */
export interface AttentionProblem {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly valueDepth: number;
}

/** The kernels of {@link scaledDotProductAttention}; `gradScores` runs before `gradQuery` and `gradKey`. */
export interface AttentionKernels {
  /** query, key, value → attention [b, h, lq, lk], output [b, h, lq, dv]. */
  readonly forward: Kernel;
  /** attention, value, gradOutput → gradScores [b, h, lq, lk]: the gradient by query · key. */
  readonly gradScores: Kernel;
  /** matrix (gradScores), factor (key) → output (the gradient of query). */
  readonly gradQuery: Kernel;
  /** matrix (gradScores), factor (query) → output (the gradient of key). */
  readonly gradKey: Kernel;
  /** matrix (attention), factor (gradOutput) → output (the gradient of value). */
  readonly gradValue: Kernel;
}

/**
 * Scaled dot-product attention: attention = softmax over keys of query keyᵀ / √d; output = attention · value.
 *
 * Source: Vaswani et al. 2017, equation 1.
 */
export function scaledDotProductAttention(problem: AttentionProblem): AttentionKernels {
  const { queries, keys, depth, valueDepth } = problem;
  const heads = problem.batch * problem.heads;
  const scale = 1 / Math.sqrt(depth);
  const rows = foldWorkgroups(heads * queries);
  const weights = heads * queries * keys;
  const querySize = heads * queries * depth;
  const keySize = heads * keys * depth;
  const valueSize = heads * keys * valueDepth;
  const outputSize = heads * queries * valueDepth;

  /** A product whose matrix [queries, keys] is read by rows, or by columns for a result with a row for each key. */
  const product = (byRows: boolean, columns: number): Kernel => {
    const [rows, terms] = byRows ? [queries, keys] : [keys, queries];
    const [rowStride, termStride] = byRows ? [keys, 1] : [1, keys];
    const size = heads * rows * columns;
    return {
      name: "sdpa-product",
      source: productSource,
      launches: [
        {
          sizes: { heads, rows, terms, columns, rowStride, termStride },
          workgroups: [...foldWorkgroups(ceilDivide(size, 64)), 1],
        },
      ],
      flops: 2 * size * terms,
      bytes: 4 * (weights + heads * terms * columns + size),
    };
  };

  return {
    forward: {
      name: "sdpa",
      source: forwardSource,
      launches: [{ sizes: { heads, queries, keys, depth, valueDepth, scale }, workgroups: [...rows, 1] }],
      flops: 2 * weights * (depth + valueDepth) + 5 * weights,
      bytes: 4 * (querySize + keySize + valueSize + weights + outputSize),
    },
    gradScores: {
      name: "sdpa-grad-scores",
      source: gradScoresSource,
      launches: [{ sizes: { heads, queries, keys, valueDepth, scale }, workgroups: [...rows, 1] }],
      flops: 2 * weights * valueDepth + 7 * weights,
      bytes: 4 * (2 * weights + valueSize + outputSize),
    },
    gradQuery: product(true, depth),
    gradKey: product(false, depth),
    gradValue: product(false, valueDepth),
  };
}
