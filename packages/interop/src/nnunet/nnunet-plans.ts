import { DataError, settingProblem, settingSchemaOf } from "@lobule/data";
import { type Activation, type NnUNetSpec, nnunetProblem } from "@lobule/nn";
import { type Intensities, imageWindow } from "@lobule/train";
import { z } from "zod";
import { formerArchitecture } from "./former-architecture.js";

/** What plans.json says of a two-dimensional configuration. */
export interface NnUNetPlan {
  readonly spec: NnUNetSpec;
  /** Height and width of a patch, in pixels. */
  readonly patch: readonly [height: number, width: number];
  /** Of rows and columns that slices are resampled to, mm from one to the next. */
  readonly spacing: readonly [rows: number, columns: number];
  readonly resampling: "linear" | "cubic";
  /** Of each channel. */
  readonly intensities: readonly Intensities[];
}

const number = z.number();
const pair = z.tuple([number, number]);

/** The forms of what is read; other keys, of which there are many, say nothing of the network or of its input. */
const plansSchema = z.object({
  transpose_forward: z.array(number),
  configurations: z.record(z.string(), z.record(z.string(), z.unknown())),
  foreground_intensity_properties_per_channel: z.record(z.string(), z.unknown()).optional(),
  foreground_intensity_properties_by_modality: z.record(z.string(), z.unknown()).optional(),
});
const configurationSchema = z.object({
  patch_size: pair,
  spacing: pair,
  resampling_fn_data: z.string().default("resample_data_or_seg_to_shape"),
  resampling_fn_data_kwargs: z.object({ order: z.int().default(3) }).default({ order: 3 }),
  normalization_schemes: z.array(z.string()).min(1),
  use_mask_for_norm: z.array(z.boolean()).min(1).optional(),
  previous_stage: z.string().nullish(),
  architecture: z.object({ network_class_name: z.string(), arch_kwargs: z.record(z.string(), z.unknown()) }),
});
const intensitySchema = z.object({
  mean: number,
  std: number.positive(),
  percentile_00_5: number,
  percentile_99_5: number,
});

const counts = z.array(z.int());
const pairs = z.array(z.tuple([z.int(), z.int()]));
/** Strict, since any other key may change what the network computes. */
const architectureSchema = z.strictObject({
  n_stages: z.int(),
  features_per_stage: counts,
  conv_op: z.string(),
  kernel_sizes: pairs,
  strides: pairs,
  n_conv_per_stage: counts.optional(),
  n_blocks_per_stage: counts.optional(),
  n_conv_per_stage_decoder: counts,
  conv_bias: z.boolean(),
  norm_op: z.string(),
  norm_op_kwargs: z.strictObject({ eps: z.literal(1e-5).optional(), affine: z.literal(true) }),
  dropout_op: z.null(),
  dropout_op_kwargs: z.unknown().optional(),
  nonlin: z.string(),
  nonlin_kwargs: z
    .strictObject({ inplace: z.boolean().optional(), negative_slope: z.literal(0.01).optional() })
    .nullish(),
  nonlin_first: z.literal(false).optional(),
});
type Architecture = z.output<typeof architectureSchema>;

const encoders: Readonly<Record<string, NnUNetSpec["encoder"]>> = {
  PlainConvUNet: "plain",
  ResidualEncoderUNet: "residual",
};
const norms: Readonly<Record<string, NnUNetSpec["norm"]>> = { InstanceNorm2d: "instance", BatchNorm2d: "batch" };
const activations: Readonly<Record<string, Activation>> = { LeakyReLU: "leaky-relu", ReLU: "relu" };

/**
 * The plan of a configuration of nnU-Net v2.
 * @param file how plans.json is called in an error.
 * @throws DataError naming the file, the key and what is wrong or not read: volumes, cascades, other architectures, norms and
 * intensities, slices that are not axial.
 */
export function nnunetPlan(value: unknown, configuration: string, file: string): NnUNetPlan {
  if (typeof value === "object" && value !== null && "plans_per_stage" in value) {
    throw new DataError(`${file} is of nnU-Net v1, and v2 is read; train with v2, or convert the model there`);
  }
  const plans = fit(plansSchema, value, file, "");
  const where = `configurations.${configuration}`;
  const found = formerArchitecture(resolved(plans.configurations, configuration, file));
  if (Array.isArray(found.patch_size) && found.patch_size.length === 3) {
    throw new DataError(`${file}: '${configuration}' is a configuration of volumes, and those of slices (2d) are read`);
  }
  if (plans.transpose_forward.join() !== "0,1,2") {
    throw new DataError(
      `${file}: its slices are taken along another axis (transpose_forward ${plans.transpose_forward.join(" ")}), and axial ones are read (0 1 2)`,
    );
  }
  const settings = fit(configurationSchema, found, file, where);
  if (typeof settings.previous_stage === "string") {
    throw new DataError(`${file}: '${configuration}' is part of a cascade, which takes labels of another network`);
  }
  const { network_class_name: name, arch_kwargs: kwargs } = settings.architecture;
  const encoder = encoders[lastName(name)];
  if (encoder === undefined) {
    throw new DataError(`${file}: the network ${name} is not read; ${Object.keys(encoders).join(" and ")} are`);
  }
  const architecture = fit(architectureSchema, kwargs, file, `${where}.architecture.arch_kwargs`);
  const spec = specOf(architecture, encoder, `${file}: '${configuration}'`);
  return {
    spec,
    patch: settings.patch_size,
    spacing: settings.spacing,
    resampling: resamplingOf(settings, `${file}: '${configuration}'`),
    intensities: settings.normalization_schemes.map((scheme, channel) =>
      intensitiesOf(
        { scheme, channel, masked: settings.use_mask_for_norm?.[channel] },
        plans,
        file,
        `'${configuration}'`,
      ),
    ),
  };
}

/** @throws DataError when images are resampled in another way than linearly or by cubic splines. */
function resamplingOf(
  { resampling_fn_data: name, resampling_fn_data_kwargs: { order } }: z.output<typeof configurationSchema>,
  where: string,
): NnUNetPlan["resampling"] {
  if (name === "resample_torch_simple" || name === "resample_torch_fornnunet") return "linear";
  const known = name === "resample_data_or_seg_to_shape" || name === "no_resampling_data_or_seg_to_shape";
  if (known && order === 3) return "cubic";
  if (known && order === 1) return "linear";
  throw new DataError(
    `${where} resamples images by ${name}${known ? ` of order ${order}` : ""}, and splines of order 3 and 1 (resample_data_or_seg_to_shape) are read`,
  );
}

/** @throws DataError when they are of another kind, or rise nowhere. */
function intensitiesOf(
  {
    scheme,
    channel,
    masked,
  }: { readonly scheme: string; readonly channel: number; readonly masked: boolean | undefined },
  plans: z.output<typeof plansSchema>,
  file: string,
  where: string,
): Intensities {
  if (scheme === "ZScoreNormalization") {
    if (masked === true) {
      throw new DataError(
        `${file}: ${where} has z-scores of the voxels that are not 0 alone (use_mask_for_norm), and those of all voxels are read`,
      );
    }
    return { window: imageWindow, normalization: { kind: "image" } };
  }
  if (scheme !== "CTNormalization") {
    throw new DataError(
      `${file}: ${where} has intensities normalized by ${scheme}, and CTNormalization and ZScoreNormalization are read`,
    );
  }
  const perChannel =
    plans.foreground_intensity_properties_per_channel ?? plans.foreground_intensity_properties_by_modality ?? {};
  const key = `foreground_intensity_properties_per_channel.${channel}`;
  const found = fit(intensitySchema, perChannel[channel], file, key);
  const { mean, std: deviation, percentile_00_5: low, percentile_99_5: high } = found;
  if (!(low < high))
    throw new DataError(`${file}: the percentiles of its intensities do not rise, got ${low} and ${high}`);
  return { window: [low, high], normalization: { kind: "foreground", mean, deviation } };
}

const lastName = (dotted: string): string => dotted.split(".").at(-1) ?? dotted;

/** @throws DataError naming the key that does not fit. */
function fit<T>(schema: z.ZodType<T>, value: unknown, file: string, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, problem } = settingProblem(result.error, value, settingSchemaOf(schema));
  const key = [where, ...path.map(String)].filter((part) => part !== "").join(".");
  throw new DataError(`${file}: ${key === "" ? "it" : `'${key}'`} ${problem}`);
}

type Settings = Readonly<Record<string, unknown>>;

/** A configuration with what it inherits. @throws DataError when there is none of the name, or it inherits from itself. */
function resolved(all: Readonly<Record<string, Settings>>, name: string, file: string): Settings {
  const layers: Settings[] = [];
  const visited = new Set<string>();
  for (let at: unknown = name; typeof at === "string"; ) {
    const settings = Object.hasOwn(all, at) ? all[at] : undefined;
    if (settings === undefined) {
      throw new DataError(`${file} has no configuration '${at}'; it has ${Object.keys(all).join(", ") || "none"}`);
    }
    if (visited.has(at)) throw new DataError(`${file}: the configuration '${at}' inherits from itself`);
    visited.add(at);
    layers.unshift(settings);
    at = settings.inherits_from;
  }
  return Object.assign({}, ...layers);
}

/** @throws DataError when lists differ in length, or a part is of another kind. */
function specOf(architecture: Architecture, encoder: NnUNetSpec["encoder"], where: string): NnUNetSpec {
  const { n_stages: count, features_per_stage: features, kernel_sizes: kernels, strides } = architecture;
  const blocks = (encoder === "plain" ? architecture.n_conv_per_stage : architecture.n_blocks_per_stage) ?? [];
  const decoder = architecture.n_conv_per_stage_decoder;
  for (const [name, { length }, expected] of [
    ["features_per_stage", features, count],
    ["kernel_sizes", kernels, count],
    ["strides", strides, count],
    [encoder === "plain" ? "n_conv_per_stage" : "n_blocks_per_stage", blocks, count],
    ["n_conv_per_stage_decoder", decoder, count - 1],
  ] as const) {
    if (length !== expected)
      throw new DataError(`${where} has ${count} stages, and ${name} has ${length} entries, not ${expected}`);
  }
  const spec: NnUNetSpec = {
    encoder,
    stages: features.map((each, i) => ({
      features: each,
      kernel: kernels[i] ?? [0, 0],
      stride: strides[i] ?? [0, 0],
      blocks: blocks[i] ?? 0,
      decoderConvolutions: decoder[count - 2 - i] ?? 1,
    })),
    convolutionBias: architecture.conv_bias,
    norm: kindOf(norms, architecture.norm_op, "norm_op", where),
    activation: kindOf(activations, architecture.nonlin, "nonlin", where),
    // nnU-Net gives the logits of its lowest decoder level the weight 0.
    deepSupervision: Math.max(0, count - 3),
  };
  kindOf({ Conv2d: "Conv2d" }, architecture.conv_op, "conv_op", where);
  const problem = nnunetProblem(spec);
  if (problem !== undefined) throw new DataError(`${where}: ${problem}`);
  return spec;
}

function kindOf<T>(kinds: Readonly<Record<string, T>>, name: string, key: string, where: string): T {
  const kind = Object.hasOwn(kinds, lastName(name)) ? kinds[lastName(name)] : undefined;
  if (kind !== undefined) return kind;
  throw new DataError(`${where} has the ${key} ${name}, and ${Object.keys(kinds).join(" and ")} are read`);
}
