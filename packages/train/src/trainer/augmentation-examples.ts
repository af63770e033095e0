import { storeSlices, type Window } from "@lobule/data";
import {
  changeIntensities,
  compile,
  type Device,
  deformElastically,
  packDeformations,
  packIntensityChanges,
  packSamples,
  sampleSlices,
  wordsPerDeformation,
  wordsPerIntensityChange,
  wordsPerSample,
} from "@lobule/tensor";
import { type Augmentation, augmentationSetting } from "../settings/augmentation-setting.js";
import { type AugmentedSlice, augmented } from "./augment-slice.js";
import { type ChannelMapping, plainMapping, samplesOf } from "./slice-sampling.js";

/** A slice as training may see it. */
export interface AugmentationExample {
  /** What was drawn, such as "34°"; empty where that is said by nothing short. */
  readonly drawn: string;
  /** The network's input, [size, size], 0 and 1 being the window's ends. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/** What one part of an augmentation does, or all of them together. */
export interface AugmentationGroup {
  readonly title: string;
  /** How often it is done; undefined for what is done to every slice. */
  readonly probability: number | undefined;
  readonly examples: readonly AugmentationExample[];
}

/** The slice to show an augmentation on. */
export interface AugmentationExamplesOptions {
  /** HU, x fastest. */
  readonly values: ArrayLike<number>;
  /** Labels, one byte a pixel. */
  readonly labels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly window: Window;
  /** Side of the network's input. */
  readonly size: number;
  readonly augmentation: Augmentation;
  readonly seed: number;
}

/** Draws of a part, and of all parts together. */
const [drawsOfPart, drawsOfAll] = [5, 10];

interface Part {
  readonly title: string;
  readonly probability: number | undefined;
  /** The part by itself, done to every slice. */
  readonly alone: Augmentation;
  readonly drawn: (slice: AugmentedSlice) => string;
}

/**
 * What an augmentation makes of a slice: as it is, by each of its parts alone, and by all together as training draws them.
 * @throws PlanError, DeviceError as any program.
 */
export async function augmentationExamples(
  device: Device,
  options: AugmentationExamplesOptions,
): Promise<AugmentationGroup[]> {
  const { width, height, window, size, augmentation, seed } = options;
  const preprocessing = { channels: [{ window }] as const, width: size, height: size, resample: true };
  const plain = plainMapping({ shape: [width, height, 1], spacing: [1, 1] }, preprocessing);
  const draws = (of: Augmentation, count: number): AugmentedSlice[] =>
    Array.from({ length: count }, (_, sample) => augmented(plain, preprocessing, of, { seed, epoch: 0, sample }));
  const none = augmentationSetting.parse({});
  const groups = [
    { title: "As it is", probability: undefined, slices: draws(none, 1), drawn: () => "" },
    ...partsOf(augmentation, plain[0]).map(({ title, probability, alone, drawn }) => ({
      title,
      probability,
      slices: draws(alone, drawsOfPart),
      drawn,
    })),
    {
      title: "All together, as training draws them",
      probability: undefined,
      slices: draws(augmentation, drawsOfAll),
      drawn: () => "",
    },
  ];
  const made = await imagesOf(
    device,
    options,
    groups.flatMap(({ slices }) => slices),
  );
  let taken = 0;
  return groups.map(({ title, probability, slices, drawn }) => ({
    title,
    probability,
    examples: slices.map((slice) => ({ drawn: drawn(slice), ...(made[taken++] as (typeof made)[number]) })),
  }));
}

/** Images and labels of the slice, each changed in its own way. */
async function imagesOf(
  device: Device,
  { values, labels, width, height, window, size }: AugmentationExamplesOptions,
  slices: readonly AugmentedSlice[],
): Promise<Omit<AugmentationExample, "drawn">[]> {
  const batch = slices.length;
  const slotPixels = 4 * Math.ceil((width * height) / 4);
  const { pixels, quantizations } = storeSlices(
    slices.map(() => values),
    slotPixels,
    window,
  );
  const packedLabels = new Uint8Array(batch * slotPixels);
  for (let n = 0; n < batch; n++) packedLabels.set(labels, n * slotPixels);
  const mappings = slices.map(({ mapping }) => mapping);
  const program = compile(
    {
      inputs: {
        pixels: { shape: [pixels.length], dtype: "u32" },
        labels: { shape: [(batch * slotPixels) / 4], dtype: "u32" },
        samples: { shape: [batch * wordsPerSample], dtype: "u32" },
        deformations: { shape: [batch * wordsPerDeformation], dtype: "u32" },
        changes: { shape: [batch * wordsPerIntensityChange], dtype: "f32" },
      },
      build: ({ deformations, changes, ...data }) => {
        const asSampled = sampleSlices({ ...data, slotPixels, batch, height: size, width: size });
        const { image, target } = deformElastically(asSampled.image, asSampled.target, deformations);
        return { outputs: { image: changeIntensities(image, changes), target } };
      },
    },
    { kernels: device.kernels },
  );
  const loaded = await program.load(device);
  try {
    await loaded.run({
      pixels,
      labels: new Uint32Array(packedLabels.buffer),
      samples: packSamples(samplesOf(mappings, quantizations, 1)),
      deformations: packDeformations(slices.map(({ deformation }) => deformation)),
      changes: packIntensityChanges(slices.map(({ changes: [change] }) => change)),
    });
    const [images, targets] = [await loaded.read("image"), await loaded.read("target")];
    return slices.map((_, n) => ({
      image: Float32Array.from(images.subarray(n * size * size, (n + 1) * size * size)),
      labels: Uint8Array.from(targets.subarray(n * size * size, (n + 1) * size * size)),
    }));
  } finally {
    loaded.destroy();
  }
}

const fixed = (value: number): string => value.toFixed(2);

/** @param plain the slice as it is, stretched onto the input. */
function partsOf(augmentation: Augmentation, plain: ChannelMapping): Part[] {
  if (augmentation.kind === "light") {
    const off = augmentationSetting.parse({});
    const part = (title: string, setting: "flip" | "rotation" | "zoom" | "intensity" | "noise"): Part[] => {
      const value = augmentation[setting];
      const alone = augmentationSetting.parse({ ...off, [setting]: setting === "flip" ? 1 : value });
      const drawn = setting === "noise" ? (slice: AugmentedSlice) => fixed(slice.mapping[0].noise) : () => "";
      return value === 0 ? [] : [{ title, probability: setting === "flip" ? value : undefined, alone, drawn }];
    };
    return [
      ...part("Rotation", "rotation"),
      ...part("Size", "zoom"),
      ...part("Contrast and brightness", "intensity"),
      ...part("Noise", "noise"),
      ...part("Mirror images", "flip"),
    ];
  }
  const off = Object.fromEntries(
    Object.keys(augmentation)
      .filter((name) => name.endsWith("Probability") || name === "leftRight" || name === "frontBack")
      .map((name) => [name, 0]),
  );
  type Probability = Extract<keyof typeof augmentation, `${string}Probability` | "leftRight" | "frontBack">;
  const part = (title: string, setting: Probability, drawn: Part["drawn"] = () => ""): Part[] => {
    const probability = augmentation[setting];
    const alone = augmentationSetting.parse({ ...augmentation, ...off, [setting]: 1 });
    return probability === 0 ? [] : [{ title, probability, alone, drawn }];
  };
  return [
    ...part("Rotation", "rotateProbability", ({ mapping: [{ transform }] }) => {
      const degrees = (Math.atan2(transform[1], transform[0]) * 180) / Math.PI;
      return `${degrees.toFixed(0)}°`;
    }),
    ...part(
      "Size",
      "scaleProbability",
      ({ mapping: [{ transform }] }) => `× ${fixed(plain.transform[0] / transform[0])}`,
    ),
    ...part("Elastic deformation", "elasticProbability"),
    ...part("Noise", "noiseProbability", ({ mapping: [{ noise }] }) => `σ ${fixed(noise)}`),
    ...part("Blur", "blurProbability", ({ changes: [change] }) => `σ ${fixed(change.blur)} pixels`),
    ...part("Brightness", "brightnessProbability", ({ changes: [change] }) => `× ${fixed(change.brightness)}`),
    ...part("Contrast", "contrastProbability", ({ changes: [change] }) => `× ${fixed(change.contrast)}`),
    ...part(
      "Lower resolution",
      "lowResolutionProbability",
      ({ changes: [change] }) => `${change.coarse.join(" × ")} pixels`,
    ),
    ...part(
      "Inverted gamma",
      "invertedGammaProbability",
      ({ changes: [change] }) => `γ ${fixed(change.invertedGamma)}`,
    ),
    ...part("Gamma", "gammaProbability", ({ changes: [change] }) => `γ ${fixed(change.gamma)}`),
    ...part("Left-right mirror image", "leftRight"),
    ...part("Front-back mirror image", "frontBack"),
  ];
}
