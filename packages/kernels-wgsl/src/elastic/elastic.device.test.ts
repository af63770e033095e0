import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { elasticCases } from "./elastic.cases.js";
import { elasticImage, elasticLabels, packDeformations } from "./elastic.js";
import { elasticImageReference, elasticSource } from "./elastic.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

describe.each(elasticCases)("$why", ({ channels, height, width, deformations: list }) => {
  const batch = list.length;
  const plane = height * width;
  const image = randomArray(batch * channels * plane, 4);
  const deformations = packDeformations(list);

  test("image, and the same bits twice", async () => {
    const kernel = elasticImage({ batch, channels, height, width });
    const arrays = { image, deformations, output: new Float32Array(image.length).fill(Number.NaN) };
    const { output } = await runKernel(device, kernel, arrays, ["output"]);
    expectClose("image", output, elasticImageReference(image, list, { channels, height, width }), 2e-5);
    expect((await runKernel(device, kernel, arrays, ["output"])).output).toEqual(output);
  });

  test("labels of the nearest pixel", async () => {
    const labels = Uint32Array.from({ length: batch * plane }, (_, i) => i);
    const kernel = elasticLabels({ batch, height, width });
    const arrays = { labels, deformations, output: new Uint32Array(labels.length).fill(99_999) };
    const { output } = await runKernel(device, kernel, arrays, ["output"]);
    output.forEach((found, index) => {
      const at = [index % width, Math.floor((index % plane) / width)] as const;
      const deformation = list[Math.floor(index / plane)];
      const [u, v] = elasticSource(deformation ?? { deviation: 0, cells: 1, seed: 0 }, at, { height, width });
      // Where two are as near but for rounding either is right.
      expect(Math.abs((found % width) - u)).toBeLessThan(0.5 + 1e-4);
      expect(Math.abs(Math.floor((found % plane) / width) - v)).toBeLessThan(0.5 + 1e-4);
      expect(Math.floor(found / plane)).toBe(Math.floor(index / plane));
    });
  });
});

interface Oracle {
  readonly height: number;
  readonly width: number;
  readonly deformation: { readonly deviation: number; readonly cells: number; readonly seed: number };
  readonly image: readonly number[];
  readonly result: readonly number[];
}

test("SciPy's numbers", async () => {
  const file = new URL("../../../../tools/oracle/fixtures/elastic.json", import.meta.url);
  const { height, width, deformation, image, result }: Oracle = JSON.parse(await readFile(file, "utf8"));
  const arrays = {
    image: Float32Array.from(image),
    deformations: packDeformations([deformation]),
    output: new Float32Array(image.length),
  };
  const { output } = await runKernel(device, elasticImage({ batch: 1, channels: 1, height, width }), arrays, [
    "output",
  ]);
  expectClose("image", output, result, 2e-5);
});
