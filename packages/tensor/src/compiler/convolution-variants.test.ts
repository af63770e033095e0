import { expect, test } from "vitest";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { convolutionKernel } from "../ops/convolution-kernels.js";
import { bucketOf } from "../tune/tuning.js";
import { candidateVariants, defaultVariant } from "./convolution-variants.js";

const call = (
  family: ConvolutionCall["family"],
  direction: ConvolutionCall["direction"],
  width: number,
): ConvolutionCall => ({ family, direction, input: { batch: 1, channels: 8, height: 7, width }, outChannels: 8 });

test.for([
  ["conv3x3", "forward", 12, "tall"],
  ["conv3x3", "grad-input", 12, "tall"],
  ["conv3x3", "grad-weight", 12, "vector"],
  ["conv1x1", "grad-weight", 12, "vector"],
  ["conv1x1", "forward", 12, "vector"],
  ["conv-transpose2x2", "grad-input", 12, "vector"],
  ["conv-transpose2x2", "grad-weight", 12, "vector"],
  ["conv1x1", "forward", 14, "blocked"],
  ["conv3x3", "forward", 14, "blocked"],
  ["conv3x3", "grad-weight", 14, "tiled"],
] as const)("on a GPU %s %s of width %d is '%s'", ([family, direction, width, variant]) => {
  expect(defaultVariant(call(family, direction, width), "parallel")).toBe(variant);
});

test.for(["serial", "subgroup"] as const)("software adapters have no kernels of quads: %s", (reduction) => {
  for (const direction of ["forward", "grad-input", "grad-weight"] as const) {
    const candidates = candidateVariants(call("conv3x3", direction, 12), reduction);
    expect(candidates.filter((variant) => /^(vector|tall)/.test(variant))).toEqual([]);
  }
});

test("what quads are compared with stays a candidate", () => {
  expect(candidateVariants(call("conv3x3", "forward", 12), "parallel")).toEqual([
    "tall",
    "blocked",
    "plain",
    "vector",
    "winograd",
  ]);
  expect(candidateVariants(call("conv3x3", "grad-weight", 12), "parallel")).toContain("tiled");
});

test("tiles of images in workgroup memory are candidates of many channels and whole quads", () => {
  const many = (width: number, channels: number): ConvolutionCall => {
    const { input, ...rest } = call("conv3x3", "forward", width);
    return { ...rest, input: { ...input, channels }, outChannels: channels };
  };
  expect(candidateVariants(many(12, 16), "parallel")).toContain("tiled");
  expect(candidateVariants(many(12, 15), "parallel")).not.toContain("tiled");
  expect(candidateVariants(many(14, 16), "parallel")).not.toContain("tiled");
  // They grow with what the device has.
  const high = { ...many(12, 16), input: { batch: 1, channels: 16, height: 32, width: 12 } };
  const rows = [undefined, 32_768, 49_152].map(
    (memory) => convolutionKernel(high, "tiled", { memory }).launches[0]?.sizes.rowTiles,
  );
  expect(rows).toEqual([4, 2, 2]);
});

test("two and four times the workgroups of a weight gradient are candidates", () => {
  const gradient = call("conv1x1", "grad-weight", 12);
  expect(candidateVariants(gradient, "parallel")).toEqual(expect.arrayContaining(["vector-2x", "vector-4x"]));
  const large = { ...gradient, input: { batch: 32, channels: 8, height: 512, width: 512 } };
  const partialsOf = (variant: ConvolutionVariant) => convolutionKernel(large, variant).partials ?? 0;
  expect(partialsOf("vector-2x")).toBe(2 * partialsOf("vector"));
  expect(partialsOf("vector-4x")).toBe(4 * partialsOf("vector"));
});

test("what was timed by whole quads is not taken for rows that are none", () => {
  const [whole, cut] = [16, 15].map((width) => bucketOf(call("conv3x3", "forward", width), "f32"));
  expect(whole).toBe("conv3x3 forward 8→8 2^7 f32");
  expect(cut).toBe("conv3x3 forward 8→8 2^7 f32 cut quads");
});
