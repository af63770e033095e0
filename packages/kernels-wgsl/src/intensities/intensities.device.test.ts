import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { expectClose, randomArray } from "../testing/close.js";
import { testDevice } from "../testing/device.js";
import { type HostArray, runKernel } from "../testing/runner.js";
import { fullChange, intensityCases } from "./intensities.cases.js";
import { changeIntensities, type IntensityChange, type PlanesShape, packIntensityChanges } from "./intensities.js";
import { changeIntensitiesReference } from "./intensities.reference.js";

let device: GPUDevice;
beforeAll(async () => {
  device = await testDevice();
});

async function changed(shape: PlanesShape, image: Float32Array, changes: readonly IntensityChange[]) {
  let result: HostArray = image;
  for (const kernel of changeIntensities(shape)) {
    const arrays: Record<"image" | "changes" | "output", HostArray> = {
      image: result,
      changes: packIntensityChanges(changes),
      output: new Float32Array(image.length).fill(Number.NaN),
    };
    ({ output: result } = await runKernel(device, kernel, arrays, ["output"]));
  }
  return result;
}

test("reference, by hand: a row of 0, 1 at half the resolution, and at twice the contrast", () => {
  const row = { height: 1, width: 4 };
  const of = (values: number[], change: Partial<IntensityChange>) => [
    ...changeIntensitiesReference(values, [fullChange(change)], row),
  ];
  // Coarse pixels are the second and the fourth.
  expect(of([9, 0, 9, 1], { coarse: [1, 2] })).toEqual([0, 0.25, 0.75, 1]);
  expect(of([0, 1, 2, 3], { contrast: 2 })).toEqual([0, 0.5, 2.5, 3]);
});

describe.each(intensityCases)("$why", ({ height, width, changes }) => {
  const shape = { images: changes.length, height, width };
  const image = randomArray(changes.length * height * width, 3);
  const full = changes.map(fullChange);

  test("values, and the same bits twice", async () => {
    const got = await changed(shape, image, full);
    expectClose("images", got, changeIntensitiesReference(image, full, shape));
    expect(await changed(shape, image, full)).toEqual(got);
  });

  test("an image that is not changed keeps its bits", async () => {
    const got = await changed(
      shape,
      image,
      full.map(() => fullChange({})),
    );
    expect(got).toEqual(image);
  });
});

test("an image of one value stays as it is, up to rounding", async () => {
  const flat = new Float32Array(12).fill(0.25);
  const shape = { images: 1, height: 3, width: 4 };
  const change = fullChange({ blur: 1, contrast: 1.2, coarse: [2, 3], gamma: 0.8, invertedGamma: 1.2 });
  expectClose("image", await changed(shape, flat, [change]), flat, 1e-6);
});

interface Oracle {
  readonly height: number;
  readonly width: number;
  readonly image: readonly number[];
  readonly cases: readonly { readonly change: Partial<IntensityChange>; readonly result: readonly number[] }[];
}
const oracle: Oracle = JSON.parse(
  await readFile(new URL("../../../../tools/oracle/fixtures/intensities.json", import.meta.url), "utf8"),
);

test.each(oracle.cases.map((each) => [JSON.stringify(each.change), each] as const))(
  "SciPy's and PyTorch's numbers: %s",
  async (_name, { change, result }) => {
    const { height, width } = oracle;
    const image = Float32Array.from(oracle.image);
    expectClose("image", await changed({ images: 1, height, width }, image, [fullChange(change)]), result);
  },
);
