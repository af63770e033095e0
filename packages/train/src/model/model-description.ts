import { settingProblem, settingSchemaOf } from "@lobule/data";
import {
  levelChannels,
  NnUNet,
  nnunetDivisors,
  nnunetProblem,
  referenceSpec,
  type SegmentationNetwork,
  specProblem,
  UNet,
} from "@lobule/nn";
import type { SafetensorsTensor } from "@lobule/tensor";
import { z } from "zod";
import { buildCustom } from "./custom-model.js";
import { channelSchema, channelsOf, normalizationSchema } from "./intensities.js";
import { ModelError } from "./model-error.js";
import {
  cropSchema,
  mostChannels,
  networkSizes,
  networkSpecSchema,
  resamplingSchema,
  windowSchema,
} from "./network-settings.js";
import { nnunetSchema, nnunetSizes } from "./nnunet-settings.js";

/** What must be known besides the weights to use a model: the network's shape and how slices are prepared for it. */
const modelDescription = z.strictObject({
  version: z.literal(1),
  /** AttentionResUNet is how the reference network was called before there were others. */
  architecture: z.enum(["UNet", "AttentionResUNet", "NnUNet", "custom"]),
  /** SHA-256 of the code that a custom network is made by: model.cjs in the run folder. */
  code: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .meta({ title: "a SHA-256 in hexadecimal" })
    .optional(),
  /** What the network is made of; of no account for an NnUNet. */
  network: networkSpecSchema.default(referenceSpec),
  /** What an NnUNet is made of. */
  nnunet: nnunetSchema.optional(),
  inputSlices: networkSizes.inputSlices.default(1),
  /** Names of the classes, background first; a label is a byte. */
  classes: z.array(z.string()).min(2).max(256),
  baseFeatures: networkSizes.baseFeatures,
  /** Halvings between the image and the bottom: an NnUNet has as many as its plan says. */
  depth: z.int().positive().max(9),
  /** What a scan is cropped to before; not there where it is not. */
  crop: cropSchema.extract(["body"]).optional(),
  /** Null where slices are taken at their own size, padded to a multiple of 2^depth. */
  size: networkSizes.size.nullable(),
  /** Of slices as the network sees them, mm; not there where slices are taken at their own, or resampled to a size. */
  spacing: networkSizes.spacing.optional(),
  /** How slices are resampled to the spacing; not there where linearly. */
  resampling: resamplingSchema.optional(),
  /** What the network sees at once, width and height; not there where that is the whole slice. */
  patch: networkSizes.patch.optional(),
  /** Of images of one channel. */
  window: windowSchema.optional(),
  /** Not there where the window is seen as 0 to 1. */
  normalization: normalizationSchema.optional(),
  /** Of images of several channels, in their order. */
  channels: z.array(channelSchema).min(2).max(mostChannels).optional(),
  preset: z.enum(["liver", "vessel"]).nullable(),
});

/** What the weights of a model belong to: network, classes and preprocessing. */
export type ModelDescription = z.infer<typeof modelDescription>;

/**
 * The model that a JSON value describes.
 * @throws ModelError naming `source` when the value describes no model that this version knows.
 */
export function parseModelDescription(value: unknown, source: string): ModelDescription {
  if (value === undefined) {
    throw new ModelError(`${source}: holds weights but no description of the model; take a checkpoint of a run`);
  }
  const result = modelDescription.safeParse(value);
  if (!result.success) {
    const { path, problem } = settingProblem(result.error, value, settingSchemaOf(modelDescription));
    throw new ModelError(
      `${source}: the description of the model does not fit: '${path.join(".")}' ${problem}; it may come from another version`,
    );
  }
  const problem = problemOf(result.data);
  if (problem !== undefined) throw new ModelError(`${source}: the description of the model does not fit: ${problem}`);
  return result.data;
}

/** What is wrong with a description whose parts are each as expected. */
function problemOf(description: ModelDescription): string | undefined {
  const { architecture, code, network, nnunet, baseFeatures, depth, size, spacing, patch, window, channels } =
    description;
  if ((window === undefined) === (channels === undefined)) return "it has either a window or channels";
  const falling = channelsOf(description).find(({ window: [low, high] }) => !(low < high));
  if (falling !== undefined) return `its window must be two rising numbers, got ${falling.window.join(" ")}`;
  if (channels !== undefined && description.normalization !== undefined)
    return "its channels have a normalization each, and there is another for all";
  if (size !== null && (spacing !== undefined || patch !== undefined))
    return `slices that are resampled to the size ${size} have no ${spacing === undefined ? "patch" : "spacing"}`;
  if (description.resampling === "cubic" && spacing === undefined)
    return "its slices are resampled by cubic splines, and it has no spacing to which";
  if (architecture === "custom")
    return code === undefined ? "a custom network has code, which it does not name" : undefined;
  if (code !== undefined) return `it names code, which the network ${architecture} has none of`;
  if (size !== null && size % 2 ** depth !== 0) return `its size must be a multiple of ${2 ** depth}, got ${size}`;
  if ((nnunet === undefined) === (architecture === "NnUNet")) return "an NnUNet, and no other network, has 'nnunet'";
  const [rows, columns] = nnunet === undefined ? [2 ** depth, 2 ** depth] : nnunetDivisors(nnunet);
  if (patch !== undefined && (patch[0] % columns !== 0 || patch[1] % rows !== 0))
    return `the sides of its patch must be multiples of ${columns} and ${rows}, got ${patch.join(" ")}`;
  if (nnunet === undefined) return specProblem({ baseFeatures, depth }, network);
  const sizes = nnunetSizes(nnunet);
  const isSized = baseFeatures === sizes.baseFeatures && depth === sizes.depth;
  return nnunetProblem(nnunet) ?? (isSized ? undefined : "its baseFeatures and depth are not those of its stages");
}

/**
 * Checks by arithmetic that a file's weights can be those of a description, before a network is built: its bridge alone
 * has a layer of 3·3·c² numbers, c its channels; an NnUNet has a layer between its last two stages.
 * @throws ModelError naming `source` when the file holds fewer numbers than that.
 */
export function requireWeights(
  { architecture, baseFeatures, depth, network, nnunet }: ModelDescription,
  weights: ReadonlyMap<string, SafetensorsTensor>,
  source: string,
): void {
  if (architecture === "custom") return;
  const numbers = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  if (nnunet !== undefined) {
    const layers = nnunet.stages.map(
      ({ features, kernel: [h, w] }, i) => h * w * features * (nnunet.stages[i - 1]?.features ?? 1),
    );
    const largest = Math.max(...layers);
    if (numbers >= largest) return;
    throw new ModelError(
      `${source}: the description of the model does not fit its weights: one layer of its stages has ${largest} numbers, but the file holds ${numbers}`,
    );
  }
  const channels = levelChannels({ baseFeatures, depth }, network).at(-1) ?? 0;
  if (numbers >= 9 * channels ** 2) return;
  throw new ModelError(
    `${source}: the description of the model does not fit its weights: with ${baseFeatures} base features and depth ${depth} one layer of ${channels} channels has ${9 * channels ** 2} numbers, but the file holds ${numbers}`,
  );
}

/** Channels of the network's input: of a slice and its neighbors, from below to above, all channels of the image. */
export const inputChannels = ({
  inputSlices,
  ...description
}: Pick<ModelDescription, "inputSlices" | "window" | "normalization" | "channels">): number =>
  inputSlices * channelsOf(description).length;

/** Code of a model of one's own, and where it came from. */
export interface ModelCode {
  readonly text: string;
  readonly source: string;
}

/**
 * The network that a description stands for, with start values of the seed.
 * @throws ModelError when a custom network's code is missing or does not make one.
 */
export function buildNetwork(description: ModelDescription, seed: number, code?: ModelCode): SegmentationNetwork {
  const { architecture, classes, baseFeatures, depth, network, nnunet } = description;
  const inChannels = inputChannels(description);
  const request = { inChannels, classes: classes.length, baseFeatures, depth, seed };
  if (nnunet !== undefined) return new NnUNet({ ...nnunet, inChannels, classes: classes.length, seed });
  if (architecture !== "custom") return new UNet({ ...network, ...request });
  if (code === undefined) throw new ModelError("the code of this model is not at hand; give its run folder");
  return buildCustom(code.text, code.source, request);
}

/** The entries of a checkpoint that are the network's, without the optimizer's moments, averaged weights and the loss
 * scaler's state. */
export const networkState = (tensors: ReadonlyMap<string, SafetensorsTensor>): Map<string, SafetensorsTensor> =>
  new Map([...tensors].filter(([name]) => !/^(exp_avg(_sq)?|momentum_buffer|loss_scaler|ema)\./.test(name)));
