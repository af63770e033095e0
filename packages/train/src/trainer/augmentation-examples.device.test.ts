import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { augmentationSetting, usualAugmentation } from "../settings/augmentation-setting.js";
import { augmentationExamples } from "./augmentation-examples.js";

let device: Device;
beforeAll(async () => {
  device = await Device.open(await openGpu());
});
afterAll(() => device.destroy());

const [width, height] = [8, 6];
const values = Float32Array.from({ length: width * height }, (_, i) => 4 * i);
const slice = {
  values,
  labels: Uint8Array.from(values, (value) => Number(value > 100)),
  width,
  height,
  window: [0, 200],
  size: 16,
  seed: 3,
} as const;

test("the slice as it is, each part that is on, and all together, the same each time", async () => {
  const augmentation = augmentationSetting.parse({
    kind: "nnunet",
    frontBack: 0,
    elasticProbability: 0.1,
    blurProbability: 0.25,
  });
  const groups = await augmentationExamples(device, { ...slice, augmentation });
  expect(groups.map(({ title }) => title)).toEqual([
    "As it is",
    ...[
      "Rotation",
      "Size",
      "Elastic deformation",
      "Noise",
      "Blur",
      "Brightness",
      "Contrast",
      "Lower resolution",
      "Inverted gamma",
      "Gamma",
    ],
    "Left-right mirror image",
    "All together, as training draws them",
  ]);
  const [plain, ...others] = groups;
  const image = plain?.examples[0]?.image ?? new Float32Array();
  // Pixel (8, 8) lies at (3.75, 2.6875) of the slice, whose values are 4·(8y + x).
  expect(image[8 * 16 + 8]).toBeCloseTo((4 * (8 * 2.6875 + 3.75)) / 200, 5);
  const blur = others.find(({ title }) => title === "Blur");
  expect(blur?.probability).toBe(0.25);
  expect(blur?.examples.every(({ drawn }) => /^σ (0\.[5-9]|1\.00)/.test(drawn))).toBe(true);
  // Values alone are changed there, the labels not.
  for (const { labels, image: blurred } of blur?.examples ?? []) {
    expect(labels).toEqual(plain?.examples[0]?.labels);
    expect(blurred).not.toEqual(image);
  }
  expect(await augmentationExamples(device, { ...slice, augmentation })).toEqual(groups);
});

test("of the light augmentation what is on", async () => {
  const augmentation = augmentationSetting.parse({ ...usualAugmentation("light"), noise: 0 });
  const groups = await augmentationExamples(device, { ...slice, augmentation });
  expect(groups.slice(1, -1).map(({ title }) => title)).toEqual([
    "Rotation",
    "Size",
    "Contrast and brightness",
    "Mirror images",
  ]);
});
