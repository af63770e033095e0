import {
  depthwiseConv3x3 as forwardKernel,
  depthwiseConv3x3GradInput as gradInputKernel,
  depthwiseConv3x3GradWeight as gradWeightKernel,
} from "@lobule/kernels-wgsl";
import { f32 } from "../graph/apply.js";
import { applyKernel } from "../graph/named.js";
import type { Image, Tensor } from "../graph/tensor.js";
import { asImage, printShape, ShapeError } from "../shape.js";
import { callForSum } from "./partial-sums.js";

/** The weight of each channel. */
type Weight<C extends number = number> = Tensor<readonly [c: C, one: 1, h: 3, w: 3], "f32">;

/**
 * Depthwise 3×3 convolution, stride 1, zero padding 1, no bias: every channel has a 3×3 weight of its own.
 * x [n, c, h, w], weight [c, 1, 3, 3] → [n, c, h, w], as PyTorch's conv2d with c groups.
 * @throws ShapeError when the channels do not agree.
 */
export function depthwiseConv3x3<C extends number>(x: Image<C>, weight: Weight<C>): Image<C> {
  const { channels } = asImage(x.shape);
  const expected = [channels, 1, 3, 3];
  if (printShape(weight.shape) !== printShape(expected)) {
    throw new ShapeError(
      `depthwiseConv3x3: x has ${channels} channels, so weight must be ${printShape(expected)}, got ${printShape(weight.shape)}`,
    );
  }
  return convolution({ input: x, weight });
}

type Operands<C extends number> = { readonly input: Image<C>; readonly weight: Weight<C> };

function convolution<C extends number>(inputs: Operands<C>): Image<C> {
  const kernel = forwardKernel(asImage(inputs.input.shape));
  return applyKernel({
    name: "depthwise-conv3x3",
    inputs,
    output: f32(inputs.input.shape),
    slotInputs: ["input"],
    store: "statistics",
    rereads: true,
    repeatable: { flops: kernel.flops },
    lower: ({ input, weight }, output, lowering) =>
      lowering.call({ kernel, slots: { input }, bindings: { weight }, output }),
    gradient: (gradOutput, { input, weight }) => ({
      input: inputGradient({ input: gradOutput, weight }),
      weight: weightGradient(input, gradOutput),
    }),
  });
}

/** The kernel reads the gradient of the output where the forward one reads the input. */
function inputGradient<C extends number>(inputs: Operands<C>): Image<C> {
  const kernel = gradInputKernel(asImage(inputs.input.shape));
  return applyKernel({
    name: "depthwise-conv3x3-grad-input",
    inputs,
    output: f32(inputs.input.shape),
    slotInputs: ["input"],
    store: "statistics",
    rereads: true,
    repeatable: { flops: kernel.flops },
    lower: ({ input, weight }, output, lowering) =>
      lowering.call({ kernel, slots: { input }, bindings: { weight }, output }),
    // Linear in the gradient of the output and in the weight alike.
    gradient: (g, { input, weight }) => ({
      input: convolution({ input: g, weight }),
      weight: weightGradient(g, input),
    }),
  });
}

function weightGradient<C extends number>(input: Image<C>, gradOutput: Image<C>): Weight<C> {
  const image = asImage(input.shape);
  return applyKernel({
    name: "depthwise-conv3x3-grad-weight",
    inputs: { input, gradOutput },
    output: f32([input.shape[1], 1, 3, 3]),
    slotInputs: ["input", "gradOutput"],
    rereads: true,
    lower: (slots, output, lowering) =>
      callForSum(lowering, output, { kernel: gradWeightKernel(image, lowering.reduction()), slots }),
    gradient: (weight, inputs) => ({
      input: inputGradient({ input: inputs.gradOutput, weight }),
      gradOutput: convolution({ input: inputs.input, weight }),
    }),
  });
}
