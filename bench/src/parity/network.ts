import { settingProblem, settingSchemaOf } from "@lobule/data";
import {
  AttentionGate,
  type DecoderLevel,
  type Module,
  ResBlock,
  StateDictError,
  UNet,
  type UNetSpec,
} from "@lobule/nn";
import { add, concatChannels, type Image, multiply, relu, sigmoid, type Tensor } from "@lobule/tensor";
import { networkSettingsSchema, networkSpec } from "@lobule/train";
import { FixtureError, type FixtureTensor, type TensorFile } from "./fixture-files.js";

/** [out, in, …]: the first convolution that mixes channels. */
const firstWeights = ["encoder.0.conv1.weight", "encoder.0.conv1.pointwise.weight"] as const;

/**
 * The network that a state dict belongs to: channels, classes, features and depth are read from its shapes.
 * @throws FixtureError when the names or shapes are no such network's.
 */
export function networkOf(file: TensorFile, spec: Partial<UNetSpec> = {}): UNet<number, number> {
  const state = file.takeAll();
  const levels = [...state.keys()]
    .map((name) => /^encoder\.(\d+)\./.exec(name)?.[1])
    .filter((level) => level !== undefined);
  const first = firstWeights.find((name) => state.has(name)) ?? firstWeights[0];
  const [baseFeatures, inChannels] = state.get(first)?.shape ?? [];
  const classes = state.get("head.weight")?.shape[0];
  if (baseFeatures === undefined || inChannels === undefined || classes === undefined) {
    throw new FixtureError(`${file.label}: ${first} or head.weight is missing; this is no U-Net`);
  }
  const model = new UNet({ ...spec, inChannels, classes, baseFeatures, depth: new Set(levels).size });
  loadState(model, state, file.label);
  return model;
}

/** What the network of a fixture is made of, where its `info.json` says so; the reference network else. */
export function specIn(info: Readonly<Record<string, unknown>>, label: string): UNetSpec {
  const given = info.network ?? {};
  const settings = networkSettingsSchema.safeParse(given);
  if (settings.success) return networkSpec(settings.data);
  const { path, problem } = settingProblem(settings.error, given, settingSchemaOf(networkSettingsSchema));
  throw new FixtureError(`${label}: '${["network", ...path].join(".")}' ${problem}`);
}

/** Channels of a network's first level. */
export function baseFeaturesOf(model: UNet<number, number>): number {
  const parameters = model.namedParameters();
  return firstWeights.map((name) => parameters.get(name)?.shape[0]).find((channels) => channels !== undefined) ?? 0;
}

/** @throws FixtureError when the state does not fit. */
export function loadState(model: UNet<number, number>, state: ReadonlyMap<string, FixtureTensor>, label: string): void {
  try {
    model.loadStateDict(state);
  } catch (error) {
    if (error instanceof StateDictError) throw new FixtureError(`${label}: ${error.message.split("\n", 1)[0]}`);
    throw error;
  }
}

/** Every intermediate tensor by its name in `activations.safetensors`. */
export type Activations = Map<string, Tensor>;

/**
 * The network's forward pass written out layer by layer, so that each intermediate tensor can be compared. The
 * attention gate is made of its single operations, where the model itself runs one kernel for it.
 */
export function spelledOutForward(model: UNet<number, number>, image: Image): Activations {
  const activations: Activations = new Map();
  const keep = <C extends number>(name: string, tensor: Image<C>): Image<C> => {
    activations.set(name, tensor);
    return tensor;
  };

  const residual = (name: string, block: Module, x: Image): Image => {
    if (!(block instanceof ResBlock)) throw new FixtureError(`${name}: only residual blocks are written out`);
    const first = keep(`${name}.bn1`, block.bn1.forward(keep(`${name}.conv1`, block.conv1.forward(x))));
    const second = keep(`${name}.bn2`, block.bn2.forward(keep(`${name}.conv2`, block.conv2.forward(relu(first)))));
    const passed = block.shortcut === undefined ? x : keep(`${name}.shortcut`, block.shortcut.forward(x));
    return keep(`${name}.out`, relu(keep(`${name}.sum`, add(second, passed))));
  };

  const gate = (name: string, module: Module | undefined, skip: Image, gating: Image): Image => {
    if (!(module instanceof AttentionGate)) throw new FixtureError(`${name}: only plain gates are written out`);
    const { wx, wg, psi } = module;
    const joined = keep(`${name}.pre`, add(wx.forward(skip), wg.forward(gating)));
    const alpha = keep(`${name}.alpha`, sigmoid(psi.forward(relu(joined))));
    return keep(`${name}.gated`, multiply(alpha, skip) as Image);
  };

  const level = (name: string, decoder: DecoderLevel, x: Image, skip: Image): Image => {
    const up = keep(`${name}.up`, decoder.up.forward(x));
    return residual(`${name}.block`, decoder.block, concatChannels(gate(`${name}.gate`, decoder.gate, skip, up), up));
  };

  const skips: Image[] = [];
  let features = image;
  model.encoder.forEach((block, i) => {
    const skip = residual(`encoder.${i}`, block, features);
    skips.push(skip);
    features = keep(`pool.${i}`, model.pool.forward(skip));
  });
  features = residual("bridge", model.bridge, features);
  model.decoder.forEach((decoder, i) => {
    features = level(`decoder.${i}`, decoder, features, skips.pop() as Image);
  });
  keep("logits", model.head.forward(features));
  return activations;
}
