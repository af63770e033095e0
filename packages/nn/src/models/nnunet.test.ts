import { compile, constant } from "@lobule/tensor";
import { expect, test } from "vitest";
import { NnUNet } from "./nnunet.js";
import type { NnUNetSpec, NnUNetStage } from "./nnunet-spec.js";

const stage = (features: number, changes: Partial<NnUNetStage> = {}): NnUNetStage => ({
  features,
  kernel: [3, 3],
  stride: [2, 2],
  blocks: 2,
  decoderConvolutions: 1,
  ...changes,
});
const spec: NnUNetSpec = {
  encoder: "plain",
  stages: [stage(4, { stride: [1, 1], kernel: [1, 3] }), stage(6, { stride: [1, 2] }), stage(8), stage(8)],
  convolutionBias: true,
  norm: "instance",
  activation: "leaky-relu",
  deepSupervision: 2,
};
const image = (height: number, width: number) => constant(new Float32Array(height * width), [1, 1, height, width]);

test("logits of every level have the image's extents, which each axis divides by its own strides", () => {
  const network = new NnUNet({ ...spec, classes: 3 });
  expect(network.divisor).toBe(8);
  const levels = network.forwardAll(image(12, 24));
  expect(levels.map(({ shape }) => shape)).toEqual(Array(3).fill([1, 3, 12, 24]));
  expect(() => network.forward(image(12, 20))).toThrow(
    "NnUNet: height and width of x [1, 1, 12, 20] must be multiples of 4 and 8 (the products of the strides); pad the image and crop the logits",
  );
});

test("parameters are named by their place, and a residual block projects where channels change", () => {
  const names = (encoder: NnUNetSpec["encoder"]): string[] => [
    ...new NnUNet({ ...spec, encoder, classes: 2 }).namedVariables().keys(),
  ];
  expect(names("plain")).toEqual(
    expect.arrayContaining([
      "encoder.0.convolutions.0.conv.weight",
      "encoder.3.convolutions.1.norm.bias",
      "decoder.0.up.weight",
      "decoder.2.stage.convolutions.0.conv.bias",
      "head.weight",
      "auxiliaryHeads.1.bias",
    ]),
  );
  const residual = names("residual");
  expect(residual).toEqual(
    expect.arrayContaining(["stem.convolutions.0.conv.weight", "encoder.1.blocks.0.conv1.conv.bias"]),
  );
  expect(residual.filter((name) => name.endsWith("skip.conv.weight"))).toEqual(
    [1, 2].map((level) => `encoder.${level}.blocks.0.skip.conv.weight`),
  );
  expect(residual.some((name) => name.endsWith("skip.conv.bias"))).toBe(false);
});

test("convolutions of 3×3 at stride 1 are those of the fast kernels", () => {
  const network = new NnUNet({ ...spec, classes: 2 });
  const { calls } = compile({
    inputs: { x: { shape: [1, 1, 12, 24], dtype: "f32" } },
    build: ({ x }) => ({ outputs: { logits: network.forward(x) } }),
  });
  const count = (name: RegExp): number => calls.filter(({ kernel }) => name.test(kernel.name)).length;
  // The second of three stages and two of the decoder; three of 1×3 and three with strides; one transposed of 1×2.
  expect([count(/^conv3x3/), count(/^conv2d-(blocked|looped)/), count(/^conv2d-grad-input/)]).toEqual([5, 6, 1]);
});

test.each([
  [{ stages: [stage(4)] }, "a network of nnU-Net has at least 2 stages, got 1"],
  [{ stages: [stage(4), stage(4)] }, "the stride of stage 0 must be 1×1, got 2×2"],
  [
    { stages: [stage(4, { stride: [1, 1] }), stage(4, { kernel: [2, 3] })] },
    "the kernel of stage 1 must be odd, got 2×3",
  ],
  [
    { stages: [stage(4, { stride: [1, 1] }), stage(4, { stride: [3, 1] })] },
    "the stride of stage 1 must be 1 or 2 along each axis, got 3×1",
  ],
  [{ deepSupervision: 3 }, "deepSupervision must be from 0 to 2 with 4 stages, got 3"],
])("%j is refused", (changes, problem) => {
  expect(() => new NnUNet({ ...spec, ...changes, classes: 2 })).toThrow(`NnUNet: ${problem}`);
});
