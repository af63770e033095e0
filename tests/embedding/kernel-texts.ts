import {
  diceCrossEntropy,
  NnUNet,
  type NnUNetStage,
  type SegmentationNetwork,
  topKDice,
  UNet,
  unetPresets,
} from "@lobule/nn";
import {
  adam,
  type CompileOptions,
  candidateVariants,
  compile,
  gradients,
  type TunedKernels,
  Variable,
} from "@lobule/tensor";

/** The n-th variant of each kind of convolution, in f16 those of matrix units among them. */
const nthVariants = (n: number): TunedKernels => ({
  reduction: "parallel",
  fastest: (call, precision) => candidateVariants(call, "parallel", precision === "f16")[n],
});

/** Texts of the kernels of a training step, in their order. */
function stepTexts(network: SegmentationNetwork, loss: typeof diceCrossEntropy, options: CompileOptions): string[] {
  const parameters = network.parameters();
  const [first, second] = ["first.", "second."].map((prefix) =>
    parameters.map(
      ({ name, shape, initial }) => new Variable(prefix + name, shape, new Float32Array(initial.length), "moment"),
    ),
  );
  const inputs = {
    image: { shape: [2, 1, 16, 16], dtype: "f32" },
    target: { shape: [2, 16, 16], dtype: "u32" },
    hyper: { shape: [8], dtype: "f32" },
  } as const;
  const { calls } = compile(
    {
      inputs,
      build: ({ image, target, hyper }) => {
        const value = loss(network.forward(image), target).loss;
        const update = adam(parameters, gradients(value, parameters), first ?? [], second ?? [], hyper);
        return { metrics: { loss: value }, updates: [update] };
      },
    },
    options,
  );
  return calls.map(({ kernel }) => kernel.source);
}

/** Texts of the kernels of training steps: every variant of the reference network's, and those of other networks. */
export function kernelTexts(): string[] {
  const sizes = { inChannels: 1, classes: 3, baseFeatures: 8, depth: 1 };
  const choices: readonly NonNullable<CompileOptions["kernels"]>[] = [
    ...(["plain", "serial", "subgroup", "parallel"] as const),
    ...Array.from({ length: 6 }, (_, n) => nthVariants(n)),
  ];
  const stage = (features: number, strides: 1 | 2): NnUNetStage => ({
    features,
    kernel: [3, 3],
    stride: [strides, strides],
    blocks: 1,
    decoderConvolutions: 1,
  });
  const others = [
    new UNet({ ...sizes, ...unetPresets["attention-res-unet-plus"], deepSupervision: 0 }),
    new UNet({ ...sizes, block: "residual-separable", upsampling: "bilinear", norm: "group" }),
    new NnUNet({
      classes: 3,
      encoder: "residual",
      stages: [stage(4, 1), stage(8, 2)],
      convolutionBias: true,
      norm: "instance",
      activation: "leaky-relu",
      deepSupervision: 0,
    }),
  ];
  return [
    ...choices.flatMap((kernels) =>
      (["f32", "f16"] as const).flatMap((precision) =>
        stepTexts(new UNet(sizes), diceCrossEntropy, { kernels, precision }),
      ),
    ),
    ...others.flatMap((network) =>
      (["subgroup", "parallel"] as const).flatMap((kernels) => stepTexts(network, topKDice, { kernels })),
    ),
  ];
}
