import { describe, expect, test } from "vitest";
import { imageSize } from "../contract/kernel.js";
import { maxPool2x2Reference } from "../max-pool2x2/max-pool2x2.reference.js";
import { checkRun, checkStatistics } from "../testing/convolution-checks.js";
import { runsOf } from "../testing/convolution-family.js";
import { convolutionDevice, testConvolutionSlots } from "../testing/convolution-tests.js";
import { runKernel } from "../testing/runner.js";
import { conv1x1Family, conv1x1QuadFamily } from "./conv1x1.cases.js";
import { conv1x1 } from "./conv1x1.js";

const deviceFor = convolutionDevice();

testConvolutionSlots(conv1x1Family);
testConvolutionSlots(conv1x1QuadFamily);

const pooledProblems = [
  { family: conv1x1Family, variants: ["blocked", "subgroup"] },
  { family: conv1x1QuadFamily, variants: ["vector"] },
] as const;

describe.each(
  pooledProblems.flatMap(({ family, variants }) =>
    family.cases
      // Windows are of two rows and columns at least.
      .filter(({ input: { height, width } }) => height > 1 && width > 1)
      .map((problem) => ({ ...problem, variants })),
  ),
)("pooled besides, $input × $outChannels: $why", ({ variants, ...problem }) => {
  test.for(variants)("%s", async (variant, context) => {
    const device = deviceFor(context, { variant });
    const runs = runsOf(conv1x1Family, problem);
    const { outShape } = runs;
    const kernel = conv1x1(problem, variant, true);
    const output = runs.outputOf(runs.input);
    const poolShape = {
      ...outShape,
      height: Math.floor(outShape.height / 2),
      width: Math.floor(outShape.width / 2),
    };
    const pooled = new Float32Array(imageSize(poolShape)).fill(Number.NaN);
    const plain = runs.output(variant);
    const run = { ...plain, kernel, arrays: { ...plain.arrays, pooled } };
    await checkRun(device, run, output);
    await checkStatistics(context, device, run, outShape);
    const empty = new Float32Array(output.length);
    const got = await runKernel(device, kernel, { ...run.arrays, output: empty }, ["output", "pooled"]);
    // Of what was stored, to the bit.
    const { output: expected } = maxPool2x2Reference(got.output as Float32Array, outShape);
    expect(got.pooled).toEqual(Float32Array.from(expected));
  });
});
