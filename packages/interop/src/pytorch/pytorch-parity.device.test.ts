import { readFileSync } from "node:fs";
import { openGpu } from "@lobule/node";
import { compile, Device, readSafetensors } from "@lobule/tensor";
import { buildNetwork, parseModelSpec } from "@lobule/train";
import { expect, test } from "vitest";
import { matchWeights } from "./match-weights.js";
import { readPytorch } from "./read-pytorch.js";

const fixture = (name: string): Uint8Array => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

test("logits of imported weights are PyTorch's within 1e-5", async () => {
  const spec = { classes: ["background", "liver", "tumor"], window: [0, 1], baseFeatures: 2, depth: 1 };
  const network = buildNetwork(parseModelSpec(spec, "spec.json"), 0).eval();
  const wanted = new Map([...network.namedVariables()].map(([name, { shape }]) => [name, shape]));
  network.loadStateDict(matchWeights(wanted, readPytorch(fixture("checkpoint.pt")), {}).weights);
  const [image, expected] = ["image", "logits"].map(
    (name) => readSafetensors(fixture("logits.safetensors")).get(name)?.data,
  );
  const device = await Device.open(await openGpu());
  const program = await compile(
    {
      inputs: { image: { shape: [1, 1, 6, 8], dtype: "f32" } },
      build: (inputs) => ({ outputs: { logits: network.forward(inputs.image) } }),
    },
    { kernels: device.kernels, frozen: true },
  ).load(device);
  await program.run({ image: Float32Array.from(image ?? [], Number) });
  const logits = await program.read("logits");
  device.destroy();
  const values = Float32Array.from(expected ?? [], Number);
  const largest = Math.max(...values.map(Math.abs));
  expect(values).toHaveLength(3 * 48);
  expect(Math.max(...values.map((value, i) => Math.abs(value - (logits[i] as number))))).toBeLessThan(1e-5 * largest);
});
