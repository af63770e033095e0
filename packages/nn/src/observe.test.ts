import { constant, type Image, Tensor } from "@lobule/tensor";
import { expect, test } from "vitest";
import { UNet } from "./models/unet.js";
import { observed } from "./observe.js";

const x: Image<1> = constant(new Float32Array(64), [1, 1, 8, 8]);

test("what each module returned, by name, and the modules are as before", () => {
  const model = new UNet({ baseFeatures: 2, depth: 1 });
  const { result, observations } = observed(model, () => model.forward(x));
  expect(observations.get("")?.output).toBe(result);
  expect(observations.get("decoder.0.up")?.output).toMatchObject({ shape: [1, 2, 8, 8] });
  expect(observations.get("decoder.0.gate")?.output).toMatchObject({ alpha: expect.any(Tensor) });
  // The gate's convolutions are part of its kernel.
  expect(observations.has("decoder.0.gate.wx")).toBe(false);
  for (const module of model.namedModules().values()) expect(Object.hasOwn(module, "forward")).toBe(false);
});

test("an error leaves the modules as before", () => {
  const model = new UNet({ baseFeatures: 2, depth: 1 });
  const broken = (): never => {
    throw new Error("broken");
  };
  expect(() => observed(model, broken)).toThrow("broken");
  expect(Object.hasOwn(model, "forward")).toBe(false);
});
