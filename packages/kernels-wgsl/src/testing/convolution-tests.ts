import { beforeAll, describe, type TestContext, test } from "vitest";
import { type ConvolutionProblem, type ImageShape, imageSize, type Kernel } from "../contract/kernel.js";
import { uniformWeightBytes } from "../contract/packing.js";
import type { GradWeightOptions } from "../contract/partial-sums.js";
import { expectClose, randomArray } from "./close.js";
import {
  checkGradient,
  checkHalfStorage,
  checkRun,
  checkStatistics,
  pairedStatistics,
  runLinear,
} from "./convolution-checks.js";
import { type ConvolutionFamily, runsOf } from "./convolution-family.js";
import { hasSubgroupsOfEight, testDevice } from "./device.js";
import { checkAgainstFullStorage } from "./half-storage.js";

/** The device of the tests of a file, opened before the first of them, and a skip of what the adapter cannot run. */
export function convolutionDevice() {
  let opened: GPUDevice | undefined;
  let eight = false;
  beforeAll(async () => {
    opened = await testDevice();
    eight = await hasSubgroupsOfEight();
  });
  return (test: TestContext, { variant = "", half = false } = {}): GPUDevice => {
    if (opened === undefined) throw new Error("no device before the first test");
    if (half && !opened.features.has("shader-f16")) test.skip("adapter lacks shader-f16");
    if (variant === "subgroup" && !eight) test.skip("adapter has no subgroups of 8");
    return opened;
  };
}

/** Output and gradients of every case by every variant, and a level of the network by every variant against the plain one. */
export function testConvolution<Variant extends string, Way extends string>(
  family: ConvolutionFamily<Variant, Way>,
): void {
  const deviceFor = convolutionDevice();
  describe.each(family.cases)("$input × $outChannels: $why", (problem) => {
    const runs = runsOf(family, problem);

    test.for(family.variants)("output, %s, and the same bits twice", async (variant, context) => {
      await checkRun(deviceFor(context, { variant }), runs.output(variant), runs.outputOf(runs.input));
    });

    test.for(family.variants)("input gradient, %s, and the same bits twice", async (variant, context) => {
      await checkGradient(deviceFor(context, { variant }), runs.gradInput(variant), runs.lossOfInput, runs.input);
    });

    test.for(family.ways)("weight gradient, %s, and the same bits twice", async (way, context) => {
      const device = deviceFor(context, { variant: way });
      await checkGradient(device, runs.gradWeight(way), runs.lossOfWeight, runs.weight);
    });
  });

  describe("on a level of the network", () => {
    const runs = runsOf(family, family.level);
    const [plain, ...variants] = family.variants;
    const [plainWay, ...ways] = family.ways;

    test.for(variants)("output and input gradient, %s, equal the plain ones", async (variant, context) => {
      const device = deviceFor(context, { variant });
      for (const run of [runs.output, runs.gradInput]) {
        expectClose(variant, await runLinear(device, run(variant)), await runLinear(device, run(plain)));
      }
    });

    test.for(ways)("weight gradient, %s, equals the plain one", async (way, context) => {
      const device = deviceFor(context, { variant: way });
      const expected = await runLinear(device, runs.gradWeight(plainWay));
      expectClose(way, await runLinear(device, runs.gradWeight(way)), expected);
    });
  });
}

/**
 * Statistics of every case by every variant and reduction, and f16 storage: of cases whose weights fit a uniform binding, since
 * another binding is another text to compile, and `testConvolution` has it.
 */
export function testConvolutionSlots<Variant extends string, Way extends string>(
  family: ConvolutionFamily<Variant, Way>,
): void {
  const deviceFor = convolutionDevice();
  const { withStatistics } = family;
  describe.each(withStatistics.length === 0 ? [] : casesOfUniformWeights(family))(
    "statistics, $input × $outChannels: $why",
    (problem) => {
      const runs = runsOf(family, problem);
      const kinds = family.variants.flatMap((variant) => withStatistics.map((of) => ({ of, variant })));

      test.for(kinds)("$of, $variant", async ({ of, variant }, context) => {
        const device = deviceFor(context, { variant });
        const shape = of === "output" ? runs.outShape : runs.shape;
        const slots = variant === "plain" ? undefined : pairedStatistics;
        await checkStatistics(context, device, runs[of](variant), shape, slots);
      });
    },
  );

  describe("f16 storage", () => {
    const runs = runsOf(family, family.small);

    test.for(family.variants)("output and input gradient, %s", async (variant, context) => {
      const device = deviceFor(context, { variant, half: true });
      await checkHalfStorage(device, runs.output(variant), ["input"], ({ input = runs.input }) => runs.outputOf(input));
      const { kernel, arrays, length } = runs.gradInput(variant);
      const { input = [], ...weight } = arrays;
      await checkAgainstFullStorage(device, "input gradient", kernel, {
        inputs: { input },
        outputs: { output: length },
        untouched: weight,
      });
    });

    test.for(family.ways)("weight gradient, %s", async (way, context) => {
      const device = deviceFor(context, { variant: way, half: true });
      await checkHalfStorage(
        device,
        runs.gradWeight(way),
        ["input", "gradOutput"],
        ({ input = runs.input, gradOutput = runs.gradOutput }) => runs.gradWeightOf(input, gradOutput),
      );
    });
  });
}

/** The cases whose weights, packed in blocks of 8 channels, fit a uniform binding both ways. */
export function casesOfUniformWeights<Case extends ConvolutionProblem>({
  cases,
  weightLength,
}: Pick<ConvolutionFamily<string, string>, "weightLength"> & { readonly cases: readonly Case[] }): readonly Case[] {
  const block = (channels: number): number => Math.ceil(channels / 8) * 8;
  return cases.filter(({ input, outChannels }) =>
    [
      { input, outChannels: block(outChannels) },
      { input: { ...input, channels: block(input.channels) }, outChannels },
    ].every((packed) => 4 * weightLength(packed) <= uniformWeightBytes),
  );
}

/** Two images whose concatenation is another: `input` of the first `split` channels, `second` of the others. */
function takenApart(images: Float32Array, { channels, height, width }: ImageShape, split: number) {
  const inFirst = (_: number, i: number): boolean => Math.floor(i / (height * width)) % channels < split;
  return { input: images.filter(inFirst), second: images.filter((value, i) => !inFirst(value, i)) };
}

/** Convolutions whose input is two images, of which the first has an odd number of channels, against the reference. */
export function testOutputOfTwoImages<Variant extends string, Way extends string>(
  family: ConvolutionFamily<Variant, Way>,
  variants: readonly Variant[],
  kernelOf: (problem: ConvolutionProblem, variant: Variant, split: number) => Kernel,
): void {
  const deviceFor = convolutionDevice();
  test.for(variants)("two images whose channels follow one another, %s", async (variant, context) => {
    const problem = { input: { batch: 2, channels: 5, height: 7, width: 12 }, outChannels: 11 };
    const { output, outputOf, input } = runsOf(family, problem);
    const run = output(variant);
    const split = 3;
    const arrays = { ...run.arrays, ...takenApart(input, problem.input, split) };
    const kernel = kernelOf(problem, variant, split);
    await checkRun(deviceFor(context), { ...run, kernel, arrays }, outputOf(input));
  });
}

/** A weight gradient whose input is two images against the one of their concatenation. */
export function testTwoImages(
  gradWeight: (problem: ConvolutionProblem, options: GradWeightOptions) => Kernel & { readonly partials: number },
  taps: number,
): void {
  const deviceFor = convolutionDevice();
  test("weight gradient of two images whose channels follow one another", async (context) => {
    const device = deviceFor(context);
    const [input, outChannels, split] = [{ batch: 2, channels: 11, height: 9, width: 20 }, 9, 8];
    const images = randomArray(imageSize(input), 1);
    const gradOutput = randomArray(imageSize({ ...input, channels: outChannels }), 2);
    const length = outChannels * input.channels * taps;
    const one = {
      what: "one",
      kernel: gradWeight({ input, outChannels }, {}),
      arrays: { input: images, gradOutput },
      length,
    };
    const arrays = { ...takenApart(images, input, split), gradOutput };
    const two = { what: "two", kernel: gradWeight({ input, outChannels }, { split }), arrays, length };
    await checkRun(device, two, await runLinear(device, one));
  });
}
