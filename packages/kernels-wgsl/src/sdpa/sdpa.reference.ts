import type { AttentionProblem } from "./sdpa.js";

/** a[i,j] = exp(q_i·k_j/√d) / Σ_j exp(q_i·k_j/√d), o[i,e] = Σ_j a[i,j] v[j,e], for each image and head. */
export function attentionReference(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  v: ArrayLike<number>,
  { batch, heads, queries, keys, depth, valueDepth }: AttentionProblem,
): { attention: Float64Array; output: Float64Array } {
  const attention = new Float64Array(batch * heads * queries * keys);
  const output = new Float64Array(batch * heads * queries * valueDepth);
  for (let head = 0; head < batch * heads; head++) {
    for (let i = 0; i < queries; i++) {
      const row = head * queries + i;
      const scores = Array.from({ length: keys }, (_, j) => {
        let score = 0;
        for (let d = 0; d < depth; d++) {
          score += (q[row * depth + d] as number) * (k[(head * keys + j) * depth + d] as number);
        }
        return score / Math.sqrt(depth);
      });
      const largest = Math.max(...scores);
      const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
      scores.forEach((score, j) => {
        const a = Math.exp(score - largest) / total;
        attention[row * keys + j] = a;
        for (let e = 0; e < valueDepth; e++) {
          const at = row * valueDepth + e;
          output[at] = (output[at] as number) + a * (v[(head * keys + j) * valueDepth + e] as number);
        }
      });
    }
  }
  return { attention, output };
}
