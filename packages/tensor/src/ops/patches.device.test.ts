import { beforeAll, expect, test } from "vitest";
import { compile } from "../compiler/program.js";
import type { Device } from "../device/device.js";
import { testDevice } from "../testing/device.js";
import { extractPatches, mergePatches } from "./patches.js";
import { addScalar, scale } from "./pointwise.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

const grid = { height: 5, width: 7, patchHeight: 3, patchWidth: 4, rows: [0, 1, 2], columns: [0, 2, 3] };

test("what was taken apart is put together again, with what is done to each patch", async () => {
  const program = compile({
    inputs: { x: { shape: [2, 3, 5, 7], dtype: "f32" } },
    build: ({ x }) => {
      // Both are expressions within the kernels that read them.
      const patches = extractPatches(addScalar(x, 1), grid);
      return { outputs: { image: mergePatches(scale(patches, 2), grid, (place) => 1 + place) } };
    },
  });
  const loaded = await program.load(device);
  const x = Float32Array.from({ length: 2 * 3 * 5 * 7 }, (_, i) => Math.sin(i));
  await loaded.run({ x });
  const image = await loaded.read("image");
  loaded.destroy();
  expect(image.length).toBe(x.length);
  for (const [i, value] of x.entries()) expect(image[i]).toBeCloseTo(2 * (value + 1), 5);
});

test("patches that do not lie in the image are refused", () => {
  const build = (outside: typeof grid) => () =>
    compile({
      inputs: { x: { shape: [1, 1, 5, 7], dtype: "f32" } },
      build: ({ x }) => ({ outputs: { patches: extractPatches(x, outside) } }),
    });
  expect(build({ ...grid, rows: [0, 3] })).toThrow(
    "extractPatches: patches of 3×4 at rows 0, 3 and columns 0, 2, 3 do not lie in 5×7",
  );
  expect(build({ ...grid, height: 6 })).toThrow("is not an image of 6×7");
});
