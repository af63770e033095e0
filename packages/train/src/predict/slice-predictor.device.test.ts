import { UNet } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { codeHash } from "../model/trusted-code.js";
import { SlicePredictor } from "./slice-predictor.js";

const [width, height, atOnce] = [12, 10, 2];
/** A network without weights: class 1 where the slice is above the middle of the window. */
const text = `
const { Module } = require("@lobule/nn");
const { addScalar, concatChannels, scale } = require("@lobule/tensor");
class Bright extends Module {
  forward(x) { return concatChannels(addScalar(scale(x, 0), 0.5), x); }
}
module.exports.default = () => new Bright();
`;

const description = parseModelDescription(
  {
    version: 1,
    architecture: "custom",
    code: codeHash(text),
    classes: ["background", "bright"],
    baseFeatures: 1,
    depth: 1,
    size: null,
    window: [-1, 1],
    preset: null,
  },
  "bright",
);

/** Slices that follow each other in a scan of noise. */
const slicesFrom = (first: number): Float32Array[] =>
  Array.from({ length: atOnce }, (_, n) =>
    Float32Array.from({ length: width * height }, (_, i) => Math.sin((first + n + 1) * 78.2 + i * i * 12.9)),
  );

let device: Device;
let predictor: SlicePredictor;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
  predictor = new SlicePredictor(
    device,
    { description, weights: new Map(), code: { text, source: "bright.cjs" } },
    { atOnce },
  );
});
afterAll(async () => {
  await predictor.close();
  device.destroy();
});

/** Copies, which later calls leave alone. */
const copied = async (prediction: Promise<Uint8Array[]>): Promise<number[][]> =>
  (await prediction).map((labels) => [...labels]);

describe("a call before the labels of the one before are there", () => {
  test("gets its own labels, and leaves those of the other two", async () => {
    const alone: number[][][] = [];
    for (let call = 0; call < 5; call++) {
      alone.push(await copied(predictor.predict(slicesFrom(atOnce * call), width, height)));
    }
    expect(alone[0]).toEqual(slicesFrom(0).map((slice) => Array.from(slice, (value) => Number(value > 0))));
    expect(alone[1]).not.toEqual(alone[0]);

    let running = [0, 1].map((call) => predictor.predict(slicesFrom(atOnce * call), width, height));
    for (let call = 0; call < 5; call++) {
      const labels = (await running[0]) as Uint8Array[];
      running = running.slice(1);
      if (call < 3) running.push(predictor.predict(slicesFrom(atOnce * (call + 2)), width, height));
      await Promise.all(running);
      expect(labels.map((each) => [...each])).toEqual(alone[call]);
    }
  });

  test("is refused alone where its slices are wrong", async () => {
    const good = predictor.predict(slicesFrom(0), width, height);
    const bad = predictor.predict([new Float32Array(3)], width, height);
    await expect(bad).rejects.toThrow("a slice has 3 pixels, expected 12×10");
    expect(await good).toHaveLength(atOnce);
  });
});

test("extents that the adapter cannot hold are refused before there are slices, and others are labeled still", async () => {
  await expect(predictor.prepareFor(40_000, 40_000)).rejects.toThrow(/this adapter allows/);
  await expect(predictor.prepareFor(40_000, 40_000)).rejects.toThrow(/this adapter allows/);
  expect(await predictor.predict(slicesFrom(0), width, height)).toHaveLength(atOnce);
});

describe("with activations stored in f16", () => {
  test("labels are the same but where two classes are equally likely", async (context) => {
    if (!device.hasF16) return context.skip("adapter lacks shader-f16");
    const weights = await new UNet({ inChannels: 1, classes: 2, baseFeatures: 4, depth: 1, seed: 3 }).stateDict();
    // The class is which of two features is larger, so that both are found.
    weights.set("head.weight", { dtype: "F32", shape: [2, 4, 1, 1], data: Float32Array.of(1, -1, 0, 0, -1, 1, 0, 0) });
    weights.set("head.bias", { dtype: "F32", shape: [2], data: new Float32Array(2) });
    const unet = parseModelDescription(
      {
        version: 1,
        architecture: "UNet",
        classes: ["background", "organ"],
        baseFeatures: 4,
        depth: 1,
        size: null,
        window: [-1, 1],
        preset: null,
      },
      "unet",
    );
    const model = { description: unet, weights, code: undefined };
    const [full, half] = (["f32", "f16"] as const).map(
      (precision) => new SlicePredictor(device, model, { atOnce, precision }),
    ) as [SlicePredictor, SlicePredictor];
    const expected = (await full.predict(slicesFrom(0), width, height)).flatMap((labels) => [...labels]);
    const found = (await half.predict(slicesFrom(0), width, height)).flatMap((labels) => [...labels]);
    expect(new Set(expected).size).toBe(2);
    expect(found.filter((label, i) => label !== expected[i]).length).toBeLessThan(expected.length / 50);
    await full.close();
    await half.close();
  });

  test("an adapter without shader-f16 is refused", () => {
    const without = { hasF16: false } as Device;
    const model = { description, weights: new Map(), code: undefined };
    expect(() => new SlicePredictor(without, model, { precision: "f16" })).toThrow(
      "no shader-f16; use --precision f32",
    );
  });
});
