import {
  buildNetwork,
  channelsOf,
  inputChannels,
  isByImage,
  type ModelDescription,
  type SavedModel,
} from "@lobule/train";
import { ExportError } from "../export-error.js";
import { GraphBuilder, type GraphValue, opset } from "./graph-builder.js";
import { NetworkNodes } from "./network-nodes.js";
import { traceNetwork } from "./network-trace.js";
import { sliceNodes } from "./slice-nodes.js";

/** What an exported model gives for each slice. */
export type OnnxOutput = "labels" | "logits";

/** How a model is exported. */
export interface OnnxExportOptions {
  /** labels: the class of each pixel; logits: a number a class, before the softmax. */
  readonly output: OnnxOutput;
}

/** An ONNX model, and what its user must know to feed it. */
export interface OnnxExport {
  /** The .onnx file. */
  readonly model: Uint8Array<ArrayBuffer>;
  readonly description: OnnxDescription;
}

/** (HU − mean)/deviation. */
interface ZScore {
  readonly mean: number;
  readonly deviation: number;
}

/** The JSON file beside an ONNX model. */
export interface OnnxDescription {
  readonly format: "lobule-onnx";
  readonly version: 1;
  readonly opset: number;
  readonly input: GraphValue;
  readonly output: GraphValue;
  /** Names of the classes, background first; a label is a place in this list. */
  readonly classes: readonly string[];
  /** Directions of the patient in which width, height and slices grow. */
  readonly orientation: "RAS";
  /** Pixel spacing that slices are to have, mm along width and height; null where they are taken at their own. */
  readonly spacing: readonly [x: number, y: number] | null;
  /** How slices are to be brought to it: linearly, averaged where they shrink, or by cubic splines; null where they are not. */
  readonly resampling: "linear" | "cubic" | null;
  /**
   * Width and height of the patches that the network was trained on, in which prediction takes larger slices; null where
   * it was trained on whole slices. The model takes what it is given as a whole.
   */
  readonly patch: readonly [width: number, height: number] | null;
  /** HU that the model clips to: they become 0 and 1, or z-scores. Null where images have several channels. */
  readonly window: readonly [low: number, high: number] | null;
  /** Of the z-scores that are made inside the model; null where the window becomes 0 and 1. */
  readonly zScore: ZScore | null;
  /** Of images of several channels, window and z-scores of each, in the order of the input. */
  readonly channels?: readonly {
    readonly name: string;
    readonly window: readonly [low: number, high: number];
    readonly zScore: ZScore | null;
  }[];
  /** Height and width are padded, inside the model, to multiples of this; null where slices are resampled instead. */
  readonly paddedTo: number | null;
  /** Side that slices are resampled to, inside the model; null where they are taken at their own size. */
  readonly resampledTo: number | null;
  /** What the model was made of: SHA-256 of the checkpoint, and the epoch from 1 where it is known. */
  readonly source: { readonly sha256: string; readonly epoch: number | null };
}

/**
 * A model as an ONNX file (opset 17) that takes slices in HU, of any number and size, and gives labels or logits on the
 * slices' own grid: window, padding or resampling, and the network with its batch norms folded into convolutions.
 *
 * Input `slices` [batch, input slices · channels, height, width] float32, canonical (x to the patient's right, y to the
 * front), the neighbors from below to above, of each all channels; output `labels` [batch, height, width] uint8 or `logits` [batch, classes, height, width]
 * float32. Dropout and auxiliary heads are left out, as in prediction.
 * @throws ExportError when the model sees z-scores by each scan itself, or each cropped to its body, the network has an operation without a counterpart in ONNX, or more than 2 GiB of weights;
 * StateDictError when the weights are not of the network that is described.
 */
export async function exportOnnx(
  saved: Pick<SavedModel, "description" | "weights" | "code" | "sha256" | "epoch">,
  { output }: OnnxExportOptions,
): Promise<OnnxExport> {
  const { description, sha256, epoch } = saved;
  const { classes, size, spacing = null, resampling = "linear", patch = null } = description;
  requireOfSlices(description);
  const network = buildNetwork(description, 0, saved.code);
  network.loadStateDict(saved.weights);
  const divisor = network.divisor ?? 1;
  const graph = new GraphBuilder();
  const input: GraphValue = {
    name: "slices",
    type: "float32",
    shape: ["batch", inputChannels(description), "height", "width"],
    description: inputText(description),
  };
  const { image, back } = sliceNodes(graph, input.name, description, divisor);
  const trace = await traceNetwork(network, inputChannels(description));
  const logits = back(new NetworkNodes(graph, trace, image).nameOf(trace.logits));
  const { window, zScore, channels } = intensitiesFor(description);
  const given = outputNode(graph, logits, output, classes.length);
  const model = graph.encode([input], [given], {
    description: `Segmentation of axial CT slices: ${classes.join(", ")}`,
    metadata: {
      classes: JSON.stringify(classes),
      ...(channels === undefined ? { window: JSON.stringify(window) } : { channels: JSON.stringify(channels) }),
      source: sha256,
    },
  });
  return {
    model,
    description: {
      format: "lobule-onnx",
      version: 1,
      opset,
      input,
      output: given,
      classes,
      orientation: "RAS",
      spacing,
      resampling: spacing === null ? null : resampling,
      patch,
      window,
      zScore,
      ...(channels === undefined ? {} : { channels }),
      paddedTo: size === null ? divisor : null,
      resampledTo: size,
      source: { sha256, epoch },
    },
  };
}

/** @throws ExportError when a slice is not enough to make what the model sees of it. */
function requireOfSlices(description: ModelDescription): void {
  if (channelsOf(description).some(isByImage)) {
    throw new ExportError(
      "the model sees z-scores by the mean and standard deviation of each whole scan, which an ONNX model of slices cannot make; export it for PyTorch, whose script takes both",
    );
  }
  if (description.crop !== undefined) {
    throw new ExportError(
      "the model sees each whole scan cropped to its body, which an ONNX model of slices cannot do; export it for PyTorch, whose script takes cropped slices",
    );
  }
}

/** What the input is, in words. */
function inputText({ inputSlices, channels }: ModelDescription): string {
  const slices = inputSlices === 1 ? "axial slices" : "axial slices with their neighbors from below to above";
  const each = channels === undefined ? "" : `, of each the channels ${channels.map(({ name }) => name).join(", ")}`;
  return `${slices}${each}, HU; width grows to the patient's right, height to the front`;
}

/** What the description says of intensities: directly of one channel, one by one of several. */
function intensitiesFor(description: ModelDescription): Pick<OnnxDescription, "window" | "zScore" | "channels"> {
  const described = channelsOf(description).map(({ window, normalization }) => ({
    window,
    zScore:
      normalization?.kind === "foreground" ? { mean: normalization.mean, deviation: normalization.deviation } : null,
  }));
  const { channels } = description;
  if (channels === undefined) return described[0] ?? { window: null, zScore: null };
  const named = described.map((each, i) => ({ name: channels[i]?.name ?? "", ...each }));
  return { window: null, zScore: null, channels: named };
}

function outputNode(graph: GraphBuilder, logits: string, output: OnnxOutput, classes: number): GraphValue {
  if (output === "logits") {
    graph.node("Identity", [logits], {}, output);
    const description = "a number a class on the grid of the slices; the largest is the label's";
    return { name: output, type: "float32", shape: ["batch", classes, "height", "width"], description };
  }
  // Of equally large ones the first, as in prediction.
  const indices = graph.node("ArgMax", [logits], { axis: 1n, keepdims: 0n });
  graph.node("Cast", [indices], { to: 2n }, output);
  const description = "the class of each pixel, on the grid of the slices";
  return { name: output, type: "uint8", shape: ["batch", "height", "width"], description };
}
