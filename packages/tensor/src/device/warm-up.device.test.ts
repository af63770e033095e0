import { expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import type { Image } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { conv3x3 } from "../ops/convolution.js";
import { gradients } from "../ops/gradients.js";
import { maxPool2x2 } from "../ops/max-pool.js";
import { relu } from "../ops/pointwise.js";
import { sum } from "../ops/sum.js";
import { testDevice } from "../testing/device.js";
import { warmUp } from "./warm-up.js";

test("everything that a program needs is compiled ahead, nothing is left behind, and its results stay the same", async () => {
  const device = await testDevice();
  const weight = new Variable("w", [5, 3, 3, 3] as const, Float32Array.from({ length: 135 }, Math.sin), "parameter");
  const x = { shape: [2, 3, 9, 6], dtype: "f32" } as const;
  const program = () =>
    compile(
      {
        inputs: { x },
        build: (inputs) => {
          const loss = sum(maxPool2x2(relu(conv3x3(inputs.x as Image<3>, weight))));
          const [gradient] = gradients(loss, [weight]);
          return { outputs: { loss, gradient: gradient as NonNullable<typeof gradient> } };
        },
      },
      { kernels: device.kernels },
    );
  const run = async () => {
    const loaded = await program().load(device);
    await loaded.run({ x: Float32Array.from({ length: 324 }, Math.cos) });
    const results = [await loaded.read("loss"), await loaded.read("gradient")];
    loaded.destroy();
    return results;
  };
  const buffers = device.liveBuffers;
  await warmUp(device, [program()]);
  expect(device.liveBuffers).toBe(buffers);
  const compiled = device.pipelines.size;
  const results = await run();
  expect(device.pipelines.size).toBe(compiled);
  await warmUp(device, [program()]);
  expect(await run()).toEqual(results);
});
