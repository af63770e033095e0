import { afterAll, beforeAll, expect, test } from "vitest";
import { BenchError } from "../bench-error.js";
import { makeWorkload } from "../workload.js";
import { benchIsa } from "./isa-bench.js";
import { IsaCompiler, type IsaFamily, isaFamilies } from "./isa-compiler.js";

let compiler: IsaCompiler | undefined;
let missing = "";
beforeAll(async () => {
  try {
    compiler = await IsaCompiler.open();
  } catch (error) {
    if (!(error instanceof BenchError)) throw error;
    missing = error.message;
  }
});
afterAll(() => compiler?.close());

/** Multiply-adds as a share of vector instructions in the loop that computes: what the kernels have reached. */
const floors: Readonly<Record<string, number>> = {
  "conv3x3 forward": 0.9,
  "conv3x3 grad-input": 0.92,
  "conv3x3 grad-weight": 0.97,
  "conv1x1 forward": 0.84,
  "conv1x1 grad-weight": 0.53, // its loop brings what it sums, as that of the transposed one does
  "conv-transpose2x2 forward": 0.88,
  "conv-transpose2x2 grad-input": 0.88,
  "conv-transpose2x2 grad-weight": 0.79,
};

const { training } = makeWorkload({ baseFeatures: 8, batch: 2, size: 64, precision: "f32", kernels: "parallel" });

test.for(Object.keys(isaFamilies) as IsaFamily[])(
  "kernels of a training step, compiled for %s",
  async (family, ctx) => {
    if (compiler === undefined) return ctx.skip(missing);
    const { rows } = await benchIsa(compiler, training, family);
    expect(rows.reduce((count, { dispatches }) => count + dispatches, 0)).toBe(training.dispatches);
    expect(rows.filter(({ spills }) => spills > 0).map(({ kernel }) => kernel)).toEqual([]);
    for (const { work, labels, loop } of rows) {
      const share = loop.multiplyAdds / loop.vector;
      expect(share, `${labels.join()}: multiply-adds of vector instructions`).toBeGreaterThanOrEqual(floors[work] ?? 0);
    }
  },
);
