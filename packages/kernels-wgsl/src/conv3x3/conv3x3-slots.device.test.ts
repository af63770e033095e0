import { describe, expect, type TestContext, test } from "vitest";
import { type ConvolutionProblem, imageSize } from "../contract/kernel.js";
import { packWeight } from "../contract/packing.js";
import { packConv1x1 } from "../conv1x1/conv1x1.js";
import { conv1x1Reference } from "../conv1x1/conv1x1.reference.js";
import { randomArray } from "../testing/close.js";
import { checkRun, checkStatistics, pairedStatistics, runLinear } from "../testing/convolution-checks.js";
import { type Run, runsOf } from "../testing/convolution-family.js";
import { casesOfUniformWeights, convolutionDevice, testConvolutionSlots } from "../testing/convolution-tests.js";
import { checkAgainstFullStorage } from "../testing/half-storage.js";
import { withStorageType } from "../transforms/wgsl-text.js";
import { conv3x3Family, conv3x3QuadFamily, type TestedVariant } from "./conv3x3.cases.js";
import { conv3x3, conv3x3GradInput } from "./conv3x3.js";

const deviceFor = convolutionDevice();

testConvolutionSlots(conv3x3Family);
// The kernel of two rows has the slots of the one of four.
const quads = { ...conv3x3QuadFamily, variants: ["tall", "tiled"] as const };
testConvolutionSlots(quads);

/** A problem's kernels with a shortcut of `channels` beside it, and what they should give. */
function shortcutRunsOf(problem: ConvolutionProblem, variant: TestedVariant, channels: number, memory?: number) {
  const runs = runsOf(conv3x3Family, problem);
  const { shape } = runs;
  const { outChannels } = problem;
  const [forward, alone] = [runs.output(variant), runs.gradInput(variant)];
  const shortcut = randomArray(imageSize({ ...shape, channels }), 4);
  const packed = (values: Float32Array, from: number, to: number, direction: "forward" | "grad-input") =>
    ["blocked", "tiled", "vector", "tall", "winograd"].includes(variant)
      ? packWeight(values, packConv1x1(from, to, direction))
      : values;
  // Forward the shortcut leads from `channels` to the output's; backward it led from the input's channels to `channels`.
  const ahead = randomArray(channels * outChannels, 5);
  const back = randomArray(channels * shape.channels, 6);
  const backTransposed = back.map((_, i) => back[(i % channels) * shape.channels + Math.floor(i / channels)] ?? 0);
  const output: Run = {
    ...forward,
    what: `${forward.what}, with a shortcut`,
    kernel: conv3x3(problem, variant, { channels, transposed: false }, memory),
    arrays: { ...forward.arrays, shortcut, shortcutWeight: packed(ahead, channels, outChannels, "forward") },
  };
  const gradInput: Run = {
    ...alone,
    what: `${alone.what}, with a shortcut`,
    kernel: conv3x3GradInput(problem, variant, { channels, transposed: true }),
    arrays: { ...alone.arrays, shortcut, shortcutWeight: packed(back, shape.channels, channels, "grad-input") },
  };
  const addedBy = (weight: Float32Array, to: number) => conv1x1Reference(shortcut, { ...shape, channels }, weight, to);
  return {
    output,
    outShape: runs.outShape,
    expected: plus(runs.outputOf(runs.input), addedBy(ahead, outChannels)),
    gradInput,
    alone,
    added: addedBy(backTransposed, shape.channels),
  };
}

const plus = (a: Float64Array, b: Float64Array) => a.map((value, i) => value + (b[i] ?? Number.NaN));

/** Whether a text is valid WGSL. */
async function expectCompiled(device: GPUDevice, code: string): Promise<void> {
  device.pushErrorScope("validation");
  const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
  expect(messages).toEqual([]);
  expect(await device.popErrorScope()).toBeNull();
}

for (const family of [conv3x3Family, quads]) {
  const { variants, small } = family;
  describe.each(casesOfUniformWeights(family))(
    "with a 1×1 convolution beside it, $input × $outChannels: $why",
    (problem) => {
      test.for(variants)("output and input gradient, %s", async (variant, context) => {
        const device = deviceFor(context, { variant });
        const { output, expected, gradInput, alone, added } = shortcutRunsOf(problem, variant, 5);
        await checkRun(device, output, expected);
        await checkRun(device, gradInput, plus(await runLinear(device, alone), added));
      });
    },
  );

  test.for(variants)("with a 1×1 convolution beside it, f16 storage, %s", async (variant, context) => {
    const device = deviceFor(context, { variant, half: true });
    const { kernel, arrays, length } = shortcutRunsOf(small, variant, 2).output;
    // What stores f16 is tested above. Here a shortcut is loaded besides, at places that f32 has as well: a conversion that is
    // missing is an error of types, for which the larger texts need not become machine code.
    if (variant !== "plain" && variant !== "subgroup") {
      return expectCompiled(device, withStorageType(kernel.source, "f16"));
    }
    const { input = [], shortcut = [], ...weights } = arrays;
    await checkAgainstFullStorage(device, "with a shortcut", kernel, {
      inputs: { input, shortcut },
      outputs: { output: length },
      untouched: weights,
    });
  });
}

describe("tiled, with more workgroup memory than every adapter has", () => {
  const problem = { input: { batch: 2, channels: 18, height: 19, width: 20 }, outChannels: 34 };
  const roomFor = (bytes: number, context: TestContext): GPUDevice => {
    const device = deviceFor(context);
    if (device.limits.maxComputeWorkgroupStorageSize < bytes) context.skip(`adapter has no ${bytes} bytes of it`);
    return device;
  };

  // Sums by channel need the most of 48 KiB; without them it is less than 32.
  test("48 KiB: tiles of 16 rows, four channels at a time", async (context) => {
    const { output, expected } = shortcutRunsOf(problem, "tiled", 5, 49_152);
    await checkRun(roomFor(20_736, context), output, expected);
  });

  test("32 KiB: sums by channel of tiles of 16 rows", async (context) => {
    const { output, outShape } = shortcutRunsOf(problem, "tiled", 5, 32_768);
    await checkStatistics(context, roomFor(32_768, context), output, outShape, pairedStatistics);
  });
});
