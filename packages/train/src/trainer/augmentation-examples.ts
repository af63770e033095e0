import { type Channels, mapChannels, storeSlices, type Window } from "@lobule/data";
import {
  changeIntensities,
  compile,
  type Device,
  deformElastically,
  type IntensityChange,
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

/** A channel of a slice as training may see it. */
export interface AugmentationExample {
  /** The channel and what was drawn, such as "34°"; empty where images have one and that is said by nothing short. */
  readonly drawn: string;
  /** That channel of the network's input, [size, size], 0 and 1 being the window's ends. */
  readonly image: Float32Array;
  readonly labels: Uint8Array;
}

/** What one part of an augmentation does, or all of them together. */
export interface AugmentationGroup {
  readonly title: string;
  /** How often it is done; undefined for what is done to every slice. */
  readonly probability: number | undefined;
  /** Of each draw all channels. */
  readonly examples: readonly AugmentationExample[];
}

/** A channel of the slice to show an augmentation on. */
export interface ShownChannel {
  readonly name: string;
  /** HU, x fastest. */
  readonly values: ArrayLike<number>;
  readonly window: Window;
}

/** The slice to show an augmentation on. */
export interface AugmentationExamplesOptions {
  readonly channels: Channels<ShownChannel>;
  /** Labels, one byte a pixel. */
  readonly labels: Uint8Array;
  readonly width: number;
  readonly height: number;
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
  readonly drawn: (slice: DrawnChannel) => string;
}

/** What was drawn for a channel of a slice. */
interface DrawnChannel {
  readonly mapping: ChannelMapping;
  readonly change: IntensityChange;
}

function drawnChannels({ mapping, changes: [first, ...others] }: AugmentedSlice): Channels<DrawnChannel> {
  const changes = [first, ...others];
  return mapChannels(mapping, (each, channel) => ({ mapping: each, change: changes[channel] ?? first }));
}

/**
 * What an augmentation makes of a slice: as it is, by each of its parts alone, and by all together as training draws them.
 * @throws PlanError, DeviceError as any program.
 */
export async function augmentationExamples(
  device: Device,
  options: AugmentationExamplesOptions,
): Promise<AugmentationGroup[]> {
  const { channels, width, height, size, augmentation, seed } = options;
  const windows = mapChannels(channels, ({ window }) => ({ window }));
  const preprocessing = { channels: windows, width: size, height: size, resample: true };
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
    examples: slices.flatMap((slice) => {
      const { images, labels } = made[taken++] as (typeof made)[number];
      return drawnChannels(slice).map((each, channel) => ({
        drawn: captionOf(channels, channel, drawn(each)),
        image: images[channel] as Float32Array,
        labels,
      }));
    }),
  }));
}

/** The channel's name, where there are several, and what was drawn. */
const captionOf = (channels: Channels<ShownChannel>, channel: number, drawn: string): string =>
  [channels.length === 1 ? "" : channels[channel]?.name, drawn].filter(Boolean).join(" ");

/** The channels and labels of a slice that was changed. */
interface ChangedSlice {
  readonly images: readonly Float32Array[];
  readonly labels: Uint8Array;
}

/** Images and labels of the slice, each changed in its own way. */
async function imagesOf(
  device: Device,
  { channels, labels, width, height, size }: AugmentationExamplesOptions,
  slices: readonly AugmentedSlice[],
): Promise<ChangedSlice[]> {
  const [batch, images] = [slices.length, channels.length];
  const slotPixels = 4 * Math.ceil((width * height) / 4);
  const pixels = new Uint32Array((batch * images * slotPixels) / 2);
  const quantizations = slices.flatMap((_, n) =>
    channels.flatMap(({ values, window }, channel) => {
      const from = ((n * images + channel) * slotPixels) / 2;
      return storeSlices([values], slotPixels, window, pixels.subarray(from, from + slotPixels / 2)).quantizations;
    }),
  );
  const packedLabels = new Uint8Array(batch * slotPixels);
  for (let n = 0; n < batch; n++) packedLabels.set(labels, n * slotPixels);
  const mappings = slices.map(({ mapping }) => mapping);
  const program = compile(
    {
      inputs: {
        pixels: { shape: [pixels.length], dtype: "u32" },
        labels: { shape: [(batch * slotPixels) / 4], dtype: "u32" },
        samples: { shape: [batch * images * wordsPerSample], dtype: "u32" },
        labeled: { shape: [batch * wordsPerSample], dtype: "u32" },
        deformations: { shape: [batch * wordsPerDeformation], dtype: "u32" },
        changes: { shape: [batch * images * wordsPerIntensityChange], dtype: "f32" },
      },
      build: ({ deformations, changes, ...data }) => {
        const asSampled = sampleSlices({ ...data, slices: images, slotPixels, batch, height: size, width: size });
        const { image, target } = deformElastically(asSampled.image, asSampled.target, deformations);
        return { outputs: { image: changeIntensities(image, changes), target } };
      },
    },
    { kernels: device.kernels },
  );
  const loaded = await program.load(device);
  try {
    const samples = samplesOf(mappings, quantizations, 1);
    await loaded.run({
      pixels,
      labels: new Uint32Array(packedLabels.buffer),
      samples: packSamples(samples),
      labeled: packSamples(samples.filter((_, i) => i % images === 0)),
      deformations: packDeformations(slices.map(({ deformation }) => deformation)),
      changes: packIntensityChanges(slices.flatMap(({ changes }) => changes)),
    });
    const [made, targets] = [await loaded.read("image"), await loaded.read("target")];
    const plane = size * size;
    return slices.map((_, n) => ({
      images: channels.map((_, c) =>
        Float32Array.from(made.subarray((n * images + c) * plane, (n * images + c + 1) * plane)),
      ),
      labels: Uint8Array.from(targets.subarray(n * plane, (n + 1) * plane)),
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
      const drawn = setting === "noise" ? ({ mapping }: DrawnChannel) => fixed(mapping.noise) : () => "";
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
    ...part("Rotation", "rotateProbability", ({ mapping: { transform } }) => {
      const degrees = (Math.atan2(transform[1], transform[0]) * 180) / Math.PI;
      return `${degrees.toFixed(0)}°`;
    }),
    ...part(
      "Size",
      "scaleProbability",
      ({ mapping: { transform } }) => `× ${fixed(plain.transform[0] / transform[0])}`,
    ),
    ...part("Elastic deformation", "elasticProbability"),
    ...part("Noise", "noiseProbability", ({ mapping: { noise } }) => `σ ${fixed(noise)}`),
    ...part("Blur", "blurProbability", ({ change }) => `σ ${fixed(change.blur)} pixels`),
    ...part("Brightness", "brightnessProbability", ({ change }) => `× ${fixed(change.brightness)}`),
    ...part("Contrast", "contrastProbability", ({ change }) => `× ${fixed(change.contrast)}`),
    ...part("Lower resolution", "lowResolutionProbability", ({ change }) => `${change.coarse.join(" × ")} pixels`),
    ...part("Inverted gamma", "invertedGammaProbability", ({ change }) => `γ ${fixed(change.invertedGamma)}`),
    ...part("Gamma", "gammaProbability", ({ change }) => `γ ${fixed(change.gamma)}`),
    ...part("Left-right mirror image", "leftRight"),
    ...part("Front-back mirror image", "frontBack"),
  ];
}
