import { UNet } from "@lobule/nn";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseModelDescription } from "../model/model-description.js";
import { inspectSlice } from "./inspect-slice.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu(), { validate: true });
});
afterAll(() => device.destroy());

const [width, height] = [16, 12];
const slice = Float32Array.from({ length: width * height }, (_, i) => 10 * (i % 13));
const labels = Uint8Array.from(slice, (value) => Number(value > 60));

async function inspected(options: { readonly labels?: Uint8Array }) {
  const description = parseModelDescription(
    {
      version: 1,
      architecture: "UNet",
      classes: ["background", "liver"],
      baseFeatures: 8,
      depth: 2,
      size: null,
      window: [0, 120],
      preset: null,
    },
    "test",
  );
  const weights = await new UNet({ classes: 2, baseFeatures: 8, depth: 2, seed: 4 }).stateDict();
  return inspectSlice(
    device,
    { description, weights, code: undefined },
    { slices: [slice], width, height, ...options },
  );
}

test("each layer and gate, and with labels the gradients", async () => {
  const { input, layers, gates, loss } = await inspected({ labels });
  expect([input.width, input.height]).toEqual([16, 12]);
  slice.forEach((value, i) => {
    expect(input.values[i]).toBeCloseTo(value / 120, 5);
  });
  expect(gates.map(({ name, width: w, height: h }) => [name, w, h])).toEqual([
    ["decoder.0.gate", 8, 6],
    ["decoder.1.gate", 16, 12],
  ]);
  for (const { alpha } of gates) {
    expect(alpha.every((value) => value > 0 && value < 1)).toBe(true);
    expect(new Set(alpha).size).toBeGreaterThan(1);
  }
  const head = layers.find(({ name }) => name === "head");
  expect(head?.shape).toEqual([1, 2, 12, 16]);
  for (const { deviation, zeros, gradient } of layers) {
    expect(deviation).toBeGreaterThan(0);
    expect(zeros).toBeLessThan(1);
    expect(gradient).toBeGreaterThanOrEqual(0);
  }
  expect(head?.gradient).toBeGreaterThan(0);
  expect(loss).toBeGreaterThan(0.5);
});

test("without labels there is no gradient and no loss", async () => {
  const { layers, loss } = await inspected({});
  expect(loss).toBeNull();
  expect(new Set(layers.map(({ gradient }) => gradient))).toEqual(new Set([null]));
});
