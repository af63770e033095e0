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

test("a text is compiled to the same code again, by itself and for another family in between", async (ctx) => {
  if (compiler === undefined) return ctx.skip(missing);
  const text = (loads: number): string => {
    const sum = Array.from({ length: loads }, (_, i) => `values[${100 * (i + 1)}u * id.x]`).join(" + ");
    return `
      @group(0) @binding(0) var<storage, read_write> values: array<f32>;
      @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { values[id.x] = ${sum}; }`;
  };
  const texts = [text(1), text(2), text(3)];
  const first = await compiler.compile(texts, "navi31");
  expect(new Set(first.map(({ code }) => code.blocks.reduce((sum, { memory }) => sum + memory, 0))).size).toBe(3);
  await compiler.compile([text(4), text(5)], "navi21");
  const again = [];
  for (const each of texts) again.push(...(await compiler.compile([each], "navi31")));
  expect(again).toEqual(first);
});

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
