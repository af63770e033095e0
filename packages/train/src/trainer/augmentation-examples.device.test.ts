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
  channels: [{ name: "CT", values, window: [0, 200] }],
  labels: Uint8Array.from(values, (value) => Number(value > 100)),
  width,
  height,
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

test("of several channels each, at the same place and with values changed in ways of their own", async () => {
  const other = { name: "T1", values: values.map((value) => 10 * value), window: [0, 2000] } as const;
  const augmentation = augmentationSetting.parse({ kind: "nnunet", elasticProbability: 0.1 });
  const groups = await augmentationExamples(device, {
    ...slice,
    channels: [slice.channels[0], other],
    augmentation,
  });
  const examplesOf = (name: string) => groups.find(({ title }) => title === name)?.examples ?? [];
  const alone = await augmentationExamples(device, { ...slice, augmentation });
  for (const [i, { title, examples }] of alone.entries()) {
    const ofFirst = groups[i]?.examples.filter((_, n) => n % 2 === 0);
    expect(
      ofFirst?.map(({ image, labels }) => ({ image, labels })),
      title,
    ).toEqual(examples.map(({ image, labels }) => ({ image, labels })));
  }
  expect(examplesOf("As it is").map(({ drawn }) => drawn)).toEqual(["CT", "T1"]);
  // The same share of its window everywhere, so that what moves alike stays alike.
  for (const title of ["As it is", "Rotation", "Size", "Elastic deformation", "Left-right mirror image"]) {
    const [first, second] = examplesOf(title);
    for (const [i, value] of first?.image.entries() ?? []) expect(second?.image[i], title).toBeCloseTo(value, 3);
    expect(second?.labels).toEqual(first?.labels);
  }
  const [first, second] = examplesOf("Brightness");
  expect(first?.drawn).toMatch(/^CT × \d/);
  expect(second?.drawn).toMatch(/^T1 × \d/);
  expect(second?.drawn.slice(2)).not.toBe(first?.drawn.slice(2));
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
