import { describe, expect, test } from "vitest";
import { imageSize } from "../shared/kernel.js";
import { noWeight } from "../shared/packing.js";
import { directionalDerivative, expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { type AttentionGateProblem, attentionGate, attentionGateGrad, packAttentionGate } from "./attention-gate.js";
import { type AttentionGateArrays, attentionGateReference } from "./attention-gate.reference.js";

const cases: readonly (AttentionGateProblem & { readonly why: string })[] = [
  { why: "one channel, one intermediate", shape: { batch: 1, channels: 1, height: 1, width: 5 }, inter: 1 },
  { why: "odd sizes, inter below a block", shape: { batch: 2, channels: 3, height: 7, width: 9 }, inter: 1 },
  {
    why: "inter beyond a block and no multiple of it",
    shape: { batch: 2, channels: 22, height: 3, width: 5 },
    inter: 11,
  },
  { why: "several workgroups", shape: { batch: 2, channels: 8, height: 12, width: 11 }, inter: 4 },
];

function arraysOf({ shape, inter }: AttentionGateProblem): AttentionGateArrays & { gradGated: Float32Array } {
  const size = imageSize(shape);
  return {
    skip: randomArray(size, 1),
    gating: randomArray(size, 2),
    wx: randomArray(inter * shape.channels, 3, 1 / Math.sqrt(shape.channels)),
    wg: randomArray(inter * shape.channels, 4, 1 / Math.sqrt(shape.channels)),
    bias: randomArray(inter, 5, 0.3),
    psi: randomArray(inter, 6),
    psiBias: randomArray(1, 7, 0.3),
    gradGated: randomArray(size, 8),
  };
}

const packedOf = (a: AttentionGateArrays, { shape, inter }: AttentionGateProblem): Float32Array => {
  const { length, source, index } = packAttentionGate(shape.channels, inter);
  const sources = [a.wx, a.wg, a.bias, a.psi, a.psiBias];
  return Float32Array.from({ length }, (_, i) =>
    index[i] === noWeight ? 0 : ((sources[source[i] as number] as ArrayLike<number>)[index[i] as number] as number),
  );
};

test("the reference agrees with values worked by hand", () => {
  const one = { skip: [2], gating: [1], wx: [1], wg: [-1], bias: [0], psi: [3], psiBias: [-3] };
  const problem = { shape: { batch: 1, channels: 1, height: 1, width: 1 }, inter: 1 };
  expect(attentionGateReference(one, problem).gated[0]).toBe(1); // σ(3·relu(2 − 1) − 3)·2 = σ(0)·2
});

describe.each(cases)("attention gate: $why", (problem) => {
  const { shape, inter } = problem;
  const arrays = arraysOf(problem);
  const pixels = imageSize(shape) / shape.channels;
  const forward = async () =>
    runKernel(
      await testDevice(),
      attentionGate(problem),
      {
        skip: arrays.skip as Float32Array,
        gating: arrays.gating as Float32Array,
        parameters: packedOf(arrays, problem),
        alpha: new Float32Array(pixels),
        output: new Float32Array(imageSize(shape)),
      },
      ["output", "alpha"],
    );

  test("forward, twice to the same bits", async () => {
    const got = await forward();
    const expected = attentionGateReference(arrays, problem);
    expectClose("gated", got.output, expected.gated);
    expectClose("alpha", got.alpha, expected.alpha);
    expect(await forward()).toEqual(got);
  });

  test("gradients at the ReLU's input, of its bias and of psi are those of the float64 reference", async () => {
    const { alpha } = await forward();
    const kernel = attentionGateGrad(problem);
    const length = 2 * inter + 1;
    const got = await runKernel(
      await testDevice(),
      kernel,
      {
        skip: arrays.skip as Float32Array,
        gating: arrays.gating as Float32Array,
        parameters: packedOf(arrays, problem),
        alpha,
        gradOutput: arrays.gradGated,
        output: new Float32Array(pixels * inter),
        partials: new Float32Array(kernel.partials * length),
      },
      ["output", "partials"],
    );
    const sums = Array.from({ length }, (_, i) => {
      let total = 0;
      for (let p = 0; p < kernel.partials; p++) total += got.partials[p * length + i] as number;
      return total;
    });
    const loss = (changed: Partial<AttentionGateArrays>): number =>
      attentionGateReference({ ...arrays, ...changed }, problem).gated.reduce(
        (sum, value, i) => sum + value * (arrays.gradGated[i] as number),
        0,
      );
    const elementwise = (name: "bias" | "psi" | "psiBias" | "wg"): number[] =>
      Array.from(arrays[name], (_, i) =>
        directionalDerivative(
          (point) => loss({ [name]: point }),
          Float64Array.from(arrays[name]),
          Float64Array.from({ length: arrays[name].length }, (_unused, j) => (i === j ? 1 : 0)),
          1e-6,
        ),
      );
    expectClose("bias", sums.slice(0, inter), elementwise("bias"));
    expectClose("psi", sums.slice(inter, 2 * inter), elementwise("psi"));
    expectClose("psi bias", sums.slice(2 * inter), elementwise("psiBias"));
    // ∂wg[j, c] = Σ gradPre[j]·gating[c] holds only where every pixel of gradPre is right.
    const plane = shape.height * shape.width;
    const gradWg = Array.from({ length: inter * shape.channels }, (_, k) => {
      const [j, c] = [Math.floor(k / shape.channels), k % shape.channels];
      let total = 0;
      for (let n = 0; n < shape.batch; n++) {
        for (let p = 0; p < plane; p++) {
          total +=
            (got.output[(n * inter + j) * plane + p] as number) *
            (arrays.gating[(n * shape.channels + c) * plane + p] as number);
        }
      }
      return total;
    });
    expectClose("wg", gradWg, elementwise("wg"));
  });
});
