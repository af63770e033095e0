import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { type PredictingModel, requireAlike } from "./ensemble.js";
import { SlicePredictor } from "./slice-predictor.js";

const [width, height, atOnce] = [12, 10, 2];

/** A network without weights: logits 0.5 and the brightness of the slice, or of the uppermost of several. */
const text = `
const { Module } = require("@lobule/nn");
const { addScalar, concatChannels, scale, sliceChannels } = require("@lobule/tensor");
class Bright extends Module {
  forward(x) {
    const slices = x.shape[1];
    const top = slices === 1 ? x : sliceChannels(x, slices - 1, slices);
    return concatChannels(addScalar(scale(top, 0), 0.5), top);
  }
}
module.exports.default = () => new Bright();
`;

function bright(changes: object = {}, source = "bright.cjs"): PredictingModel {
  const description = {
    version: 1,
    architecture: "custom",
    code: codeHash(text),
    classes: ["background", "bright"],
    baseFeatures: 1,
    depth: 1,
    size: null,
    window: [-1, 1],
    preset: null,
    ...changes,
  };
  return {
    description: parseModelDescription(description, source),
    weights: new Map(),
    code: { text, source },
    source,
  };
}

/** Slices that follow each other in a scan of noise between -1 and 1. */
const slices = (count: number): Float32Array[] =>
  Array.from({ length: count }, (_, n) =>
    Float32Array.from({ length: width * height }, (_, i) => Math.sin((n + 1) * 78.2 + i * i * 12.9)),
  );

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

async function labelsBy(models: readonly PredictingModel[], input: readonly Float32Array[], mirror = false) {
  const predictor = new SlicePredictor(device, models, { atOnce, mirror });
  const labels = (await predictor.predict(input, width, height)).map((each) => [...each]);
  await predictor.close();
  return labels;
}

/** Where the mean of logits is above one half. */
const above = (slice: Float32Array, threshold: number): number[] =>
  Array.from(slice, (value) => Number(value > threshold));

describe("models that see a slice through windows of their own", () => {
  // The second one's brightness is (v + 1)/4: the mean of both is above 1/2 where v > 1/3.
  const models = [bright(), bright({ window: [-1, 3] })];

  test("are averaged by their logits", async () => {
    const input = slices(atOnce);
    expect(await labelsBy(models, input)).toEqual(input.map((slice) => above(slice, 1 / 3)));
    expect(await labelsBy([bright()], input)).toEqual(input.map((slice) => above(slice, 0)));
  });

  test("count as often as they are given", async () => {
    const input = slices(atOnce);
    // (2·(v + 1)/2 + (v + 1)/4)/3 > 1/2 where v > 1/5.
    expect(await labelsBy([...models, bright()], input)).toEqual(input.map((slice) => above(slice, 1 / 5)));
  });

  test("each look at the neighbors of a slice", async () => {
    const input = slices(atOnce + 2);
    const neighboring = [bright({ inputSlices: 3 }), bright({ inputSlices: 3, window: [-1, 3] })];
    expect(await labelsBy(neighboring, input)).toEqual(input.slice(2).map((slice) => above(slice, 1 / 3)));
  });

  test("with mirroring, are averaged by their probabilities", async () => {
    const input = slices(atOnce);
    // Each decides by the sign of its brightness minus 1/2, p = σ(b − 1/2): the mean is above 1/2 where the sum of both is.
    expect(await labelsBy(models, input, true)).toEqual(input.map((slice) => above(slice, 1 / 3)));
  });
});

test("models of other classes, sizes or numbers of slices are refused with both", () => {
  const refused = (changes: object) => () => requireAlike([bright({}, "one"), bright(changes, "two")]);
  expect(refused({ classes: ["background", "dark"] })).toThrow(
    "two: classes: background, dark, but background, bright of one; average models with the same classes, size of the input, input slices",
  );
  expect(refused({ size: 64 })).toThrow("two: size of the input: 64×64, but that of the slice of one; average");
  expect(refused({ inputSlices: 3 })).toThrow("two: input slices: 3, but 1 of one; average");
  expect(() => requireAlike([])).toThrow("there is no model to predict with");
});
