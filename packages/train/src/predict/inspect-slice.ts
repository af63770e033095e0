import { type PlaneBox, type Quantization, storeSlices } from "@lobule/data";
import { diceCrossEntropy, observed, type SegmentationNetwork } from "@lobule/nn";
import {
  compile,
  type Device,
  gradients,
  type Image,
  inverted,
  type PlaneTransform,
  packSamples,
  type SliceBatchInputs,
  sampleSlices,
  Tensor,
  wordsPerSample,
} from "@lobule/tensor";
import { channelsOf, type Intensities, isByImage, shownRange } from "../model/intensities.js";
import type { SavedModel } from "../model/load-model.js";
import { buildNetwork, inputChannels, type ModelDescription } from "../model/model-description.js";
import { inputExtents, plainMapping, type SliceSpacing, samplesOf, splineMemory } from "../trainer/slice-sampling.js";
import type { ScanZScores } from "./slice-predictor.js";

/** One layer on one slice. */
export interface LayerStatistics {
  readonly name: string;
  readonly layer: string;
  readonly shape: readonly number[];
  readonly mean: number;
  readonly deviation: number;
  /** Share of the values that are exactly 0. */
  readonly zeros: number;
  /** Root mean square of the loss's gradient for the layer's output; null without labels. */
  readonly gradient: number | null;
}

/** What an attention gate lets through: 0 nothing, 1 all. */
export interface GateMap {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly alpha: Float32Array;
}

/** What a model makes of one slice, layer by layer. */
export interface SliceInspection {
  /** The network's input, the slice that is labeled: shares of the window, 0..1; of an image's own z-scores −2 is 0 and 2 is 1. */
  readonly input: {
    readonly width: number;
    readonly height: number;
    readonly values: Float32Array;
    /** From places of the slice to those of the input, pixel centers at +½. */
    readonly transform: PlaneTransform;
  };
  readonly layers: readonly LayerStatistics[];
  readonly gates: readonly GateMap[];
  /** Dice-CE of the slice; null without labels. */
  readonly loss: number | null;
}

/** The slice to look into a model with. */
export interface InspectedSlice {
  /**
   * HU, x fastest: the slice, and where the model looks at neighbors those on either side; of images of several channels all of
   * a slice one after another.
   */
  readonly slices: readonly ArrayLike<number>[];
  readonly width: number;
  readonly height: number;
  /** mm along x and y; only of networks that see slices at a spacing of theirs. */
  readonly spacing?: SliceSpacing;
  /** Of each channel of the whole scan that the network sees in z-scores by the scan itself. */
  readonly zScores?: ScanZScores;
  /** Of the body in the whole scan; only of networks that see that alone. */
  readonly box?: PlaneBox;
  /** Labels of the slice, one byte a pixel. */
  readonly labels?: Uint8Array;
}

/**
 * Runs a model on one slice and looks at what each layer makes of it, by the running statistics.
 * @throws RangeError when the slices are not as many as the model looks at, or have another number of pixels; when a
 * spacing, z-scores or a box are needed and not given.
 */
export async function inspectSlice(
  device: Device,
  { description, weights, code }: Pick<SavedModel, "description" | "weights" | "code">,
  slice: InspectedSlice,
): Promise<SliceInspection> {
  const { inputSlices, size, spacing } = description;
  const { width, height, spacing: own = [1, 1] as const, labels } = slice;
  requireInspectable(description, slice);
  const channels = channelsOf(description);
  const network = buildNetwork(description, 0, code);
  network.loadStateDict(weights);
  network.eval();
  const shown = description.crop === "body" && slice.box !== undefined ? { box: slice.box } : {};
  const source = { shape: [width, height, 1], spacing: own, ...shown } as const;
  // What a network sees in patches it is shown as a whole here.
  const input = inputExtents([source], description, network.divisor ?? 1);
  const slotPixels = 4 * Math.ceil((width * height) / 4);
  const { pixels, quantizations } = stored(slice, channels, slotPixels);
  const mapping = plainMapping(source, { ...input, channels, spacing, resample: size !== null });
  const packedLabels = new Uint8Array(slotPixels);
  if (labels !== undefined) packedLabels.set(labels);
  const samples = samplesOf([mapping], quantizations, inputSlices);
  const images = { slotPixels, slices: inputChannels(description), ...splineMemory([source], description) };
  const { program, graph } = inspection(network, { ...input, ...images }, labels !== undefined, device.kernels);
  const loaded = await program.load(device);
  try {
    const words = new Uint32Array(packedLabels.buffer);
    await loaded.run({
      pixels,
      samples: packSamples(samples),
      labels: words,
      labeled: packSamples(samples.slice(0, 1)),
    });
    const read = async (name: string) => (await loaded.read(name)) as Float32Array;
    const layers = await statisticsOf(graph.layers, read, labels !== undefined);
    const gates: GateMap[] = [];
    for (const [i, { name, alpha }] of graph.gates.entries()) {
      gates.push({ name, width: alpha.shape[3], height: alpha.shape[2], alpha: await read(`gate ${i}`) });
    }
    const plane = input.width * input.height;
    // Of several channels the first is shown.
    const middle = ((inputSlices - 1) / 2) * channels.length;
    const values = shareOfWindow((await read("image")).slice(middle * plane, (middle + 1) * plane), channels[0]);
    const loss = labels === undefined ? null : ((await read("loss"))[0] ?? null);
    return { input: { ...input, values, transform: inverted(mapping[0].transform) }, layers, gates, loss };
  } finally {
    loaded.destroy();
  }
}

/** @throws RangeError as inspectSlice. */
function requireInspectable(
  description: ModelDescription,
  { slices, width, height, spacing, zScores = [], box }: InspectedSlice,
): void {
  const images = inputChannels(description);
  if (slices.length !== images || slices.some(({ length }) => length !== width * height)) {
    throw new RangeError(`inspectSlice: expected ${images} slices of ${width}×${height} pixels`);
  }
  if (description.spacing !== undefined && spacing === undefined) {
    throw new RangeError("inspectSlice: the network sees slices at a spacing of its own, so theirs must be given");
  }
  if (description.crop === "body" && box === undefined) {
    throw new RangeError("inspectSlice: the network sees the body alone, so its box in the scan must be given");
  }
  if (channelsOf(description).some((each, c) => isByImage(each) && zScores[c] === undefined)) {
    throw new RangeError(
      "inspectSlice: the network sees z-scores by the scan itself, so its mean and deviation must be given",
    );
  }
}

/** Slices as they are stored for the GPU, one after another. */
function stored(
  { slices, zScores = [] }: InspectedSlice,
  channels: ReturnType<typeof channelsOf>,
  slotPixels: number,
): { readonly pixels: Uint32Array<ArrayBuffer>; readonly quantizations: readonly Quantization[] } {
  const pixels = new Uint32Array((slices.length * slotPixels) / 2);
  const quantizations = slices.flatMap((slice, i) => {
    const c = i % channels.length;
    const each = channels[c] ?? channels[0];
    const slot = pixels.subarray((i * slotPixels) / 2, ((i + 1) * slotPixels) / 2);
    return storeSlices([slice], slotPixels, each.window, slot, isByImage(each) ? zScores[c] : undefined).quantizations;
  });
  return { pixels, quantizations };
}

/** The program that makes what every layer and gate does; with labels also the loss, and its gradients for the layers. */
function inspection(
  network: SegmentationNetwork,
  geometry: Required<Pick<SliceBatchInputs, "slices" | "slotPixels" | "width" | "height">> &
    Pick<SliceBatchInputs, "coefficientPixels">,
  hasLabels: boolean,
  kernels: Device["kernels"],
) {
  const { slices, slotPixels } = geometry;
  const graph: { layers: Traced[]; gates: TracedGate[] } = { layers: [], gates: [] };
  const program = compile(
    {
      inputs: {
        pixels: { shape: [(slices * slotPixels) / 2], dtype: "u32" },
        samples: { shape: [slices * wordsPerSample], dtype: "u32" },
        labels: { shape: [slotPixels / 4], dtype: "u32" },
        labeled: { shape: [wordsPerSample], dtype: "u32" },
      },
      build: (inputs) => {
        const { image, target } = sampleSlices({ ...inputs, ...geometry, batch: 1 });
        const { logits, layers, gates } = trace(network, image);
        Object.assign(graph, { layers, gates });
        const { loss } = diceCrossEntropy(logits, target);
        const outputs = layers.map(({ output }) => output);
        const grads = hasLabels ? gradients(loss, outputs) : [];
        return {
          outputs: {
            image,
            ...(hasLabels ? { loss } : {}),
            ...Object.fromEntries(outputs.map((output, i) => [`layer ${i}`, output])),
            ...Object.fromEntries(grads.map((grad, i) => [`gradient ${i}`, grad])),
            ...Object.fromEntries(gates.map(({ alpha }, i) => [`gate ${i}`, alpha])),
          },
        };
      },
    },
    { kernels },
  );
  return { program, graph };
}

/** What the layers make, and with labels the gradients for it. */
async function statisticsOf(
  layers: readonly Traced[],
  read: (name: string) => Promise<Float32Array>,
  hasLabels: boolean,
): Promise<LayerStatistics[]> {
  const statistics: LayerStatistics[] = [];
  for (const [i, { name, layer, output }] of layers.entries()) {
    const gradient = hasLabels ? rootMeanSquare(await read(`gradient ${i}`)) : null;
    statistics.push({ name, layer, shape: output.shape, ...momentsOf(await read(`layer ${i}`)), gradient });
  }
  return statistics;
}

/** What a network sees, with the window as 0 to 1. */
function shareOfWindow(values: Float32Array, intensities: Intensities): Float32Array {
  if (intensities.normalization === undefined) return values;
  const { middle, width } = shownRange(intensities);
  return values.map((value) => (value - middle) / width + 0.5);
}

interface Traced {
  readonly name: string;
  readonly layer: string;
  readonly output: Tensor;
}

interface TracedGate {
  readonly name: string;
  readonly alpha: Image;
}

/** Logits, what each layer without layers below it made, and the gates' α. */
function trace(network: SegmentationNetwork, image: Image) {
  const { result: logits, observations } = observed(network, () => network.forward(image));
  const layers: Traced[] = [];
  const gates: TracedGate[] = [];
  for (const [name, { module, output }] of observations) {
    if (output instanceof Tensor) {
      if (module.namedChildren().size === 0) layers.push({ name, layer: module.constructor.name, output });
    } else if (isGateOutput(output)) {
      layers.push({ name, layer: module.constructor.name, output: output.gated });
      gates.push({ name, alpha: output.alpha });
    }
  }
  return { logits, layers, gates };
}

const isGateOutput = (output: unknown): output is { readonly gated: Image; readonly alpha: Image } =>
  typeof output === "object" && output !== null && "alpha" in output && output.alpha instanceof Tensor;

function momentsOf(values: Float32Array): { mean: number; deviation: number; zeros: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  const zeros = values.reduce((count, value) => count + (value === 0 ? 1 : 0), 0) / values.length;
  return { mean, deviation: Math.sqrt(variance), zeros };
}

const rootMeanSquare = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
