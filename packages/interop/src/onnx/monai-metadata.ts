import type { OnnxDescription } from "./export-onnx.js";

/**
 * The `configs/metadata.json` of a MONAI bundle around an exported model: what its network takes and gives, by the fields
 * of the bundle specification. Fields that only the model's owner can fill, such as authors and copyright, are empty;
 * those that name versions of PyTorch, NumPy and MONAI are left out, since the model needs none of them.
 *
 * Source: https://docs.monai.io/en/stable/mb_specification.html
 */
export function monaiMetadata({
  classes,
  input,
  output,
  window,
  channels: named = [],
}: OnnxDescription): Readonly<Record<string, unknown>> {
  const [, channels = 1] = input.shape;
  const isLabels = output.name === "labels";
  const names = Object.fromEntries(classes.map((name, i) => [String(i), name]));
  const common = { spatial_shape: ["*", "*"], is_patch_data: false } as const;
  return {
    version: "0.1.0",
    changelog: { "0.1.0": "exported" },
    required_packages_version: { onnxruntime: "1.16.3" },
    task: `Segmentation of ${classes.slice(1).join(", ")} in axial CT slices`,
    description: input.description,
    authors: "",
    copyright: "",
    intended_use: "Research; not for diagnosis",
    network_data_format: {
      inputs: {
        [input.name]: {
          ...common,
          type: "image",
          format: "hounsfield",
          modality: named.length === 0 ? "CT" : named.map(({ name }) => name).join(", "),
          num_channels: channels,
          dtype: input.type,
          value_range: window ?? rangeOf(named.map((each) => each.window)),
          channel_def: channelNames(
            Number(channels),
            named.map(({ name }) => name),
          ),
        },
      },
      outputs: {
        [output.name]: {
          ...common,
          type: isLabels ? "image" : "probabilities",
          format: isLabels ? "segmentation" : "logits",
          num_channels: isLabels ? 1 : classes.length,
          dtype: output.type,
          value_range: isLabels ? [0, classes.length - 1] : [],
          channel_def: isLabels ? { "0": "labels" } : names,
        },
      },
    },
    classes: names,
  };
}

/** The smallest range that holds all windows. */
const rangeOf = (windows: readonly (readonly [number, number])[]): [number, number] => [
  Math.min(...windows.map(([low]) => low)),
  Math.max(...windows.map(([, high]) => high)),
];

/** By number what each channel of the input is: the slice or a neighbor, and of several channels its name. */
function channelNames(count: number, names: readonly string[]): Record<string, string> {
  const slices = count / Math.max(1, names.length);
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => {
      const name = names[i % Math.max(1, names.length)];
      const slice = slices === 1 ? "slice" : `slice ${Math.floor((i * slices) / count) - (slices - 1) / 2}`;
      return [String(i), name === undefined ? slice : slices === 1 ? name : `${name}, ${slice}`];
    }),
  );
}
