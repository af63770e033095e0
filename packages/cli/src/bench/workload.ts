import { AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import {
  compile,
  type Device,
  gradients,
  type HostData,
  type LoadedProgram,
  type Program,
  type SafetensorsTensor,
} from "@lobule/tensor";
import { Adam, LossScaler } from "@lobule/train";

/** What is timed: the reference network on a batch. */
export interface WorkloadOptions {
  readonly baseFeatures: number;
  readonly batch: number;
  readonly size: number;
  readonly precision: "f32" | "f16";
  readonly kernels: Device["kernels"];
  /** Of Adam; that of the peers by default. */
  readonly learningRate?: number;
}

export interface Workload {
  readonly options: WorkloadOptions;
  readonly network: AttentionResUNet<1, 3>;
  readonly image: Float32Array<ArrayBuffer>;
  readonly target: Uint32Array<ArrayBuffer>;
  readonly training: Program;
  readonly inference: Program;
  /** Feeds the next step of a loaded training program. */
  step(loaded: LoadedProgram): Promise<void>;
  /** The inputs of the inference program. */
  readonly inputs: Readonly<Record<string, HostData>>;
}

/** Step size of Adam that all peers take. */
export const learningRate = 1e-4;

const newNetwork = (baseFeatures: number): AttentionResUNet<1, 3> =>
  new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });

/** Start values of the reference network. */
export const startValues = (baseFeatures: number): Promise<Map<string, SafetensorsTensor>> =>
  newNetwork(baseFeatures).stateDict();

/** Pictures with something to find: discs of two brightnesses in a wavy field. The same for the same options. */
export function pictures({ batch, size }: Pick<WorkloadOptions, "batch" | "size">) {
  const image = new Float32Array(batch * size * size);
  const target = new Uint32Array(image.length);
  for (let at = 0; at < image.length; at++) {
    const [n, y, x] = [Math.floor(at / size ** 2), Math.floor(at / size) % size, at % size];
    const away = (u: number, v: number): number => Math.hypot(x / size - u, y / size - v);
    const organ = away(0.4 + 0.02 * n, 0.5) < 0.28;
    const tumour = away(0.35, 0.45 + 0.02 * n) < 0.08;
    target[at] = tumour ? 2 : organ ? 1 : 0;
    image[at] = Math.fround((tumour ? 0.45 : organ ? 0.7 : 0.3) + 0.2 * Math.sin(0.37 * x + n) * Math.cos(0.23 * y));
  }
  return { image, target };
}

/** @param start values to start from, in place of the network's own. */
export function makeWorkload(options: WorkloadOptions, start?: ReadonlyMap<string, SafetensorsTensor>): Workload {
  const { baseFeatures, batch, size, precision, kernels } = options;
  const network = newNetwork(baseFeatures);
  if (start !== undefined) network.loadStateDict(start);
  const adam = new Adam(network.namedParameters(), { learningRate: options.learningRate ?? learningRate });
  const scaler = precision === "f16" ? new LossScaler() : undefined;
  const shape = [batch, 1, size, size] as const;
  const training = compile(
    {
      inputs: {
        image: { shape, dtype: "f32" },
        target: { shape: [batch, size, size], dtype: "u32" },
        hyper: { shape: [8], dtype: "f32" },
      },
      build: ({ image, target, hyper }) => {
        const { loss } = diceCrossEntropy(network.train().forward(image), target);
        const slopes = gradients(loss, adam.parameters, scaler?.scale);
        return { metrics: { loss }, updates: [adam.update(slopes, hyper, scaler === undefined ? {} : { scaler })] };
      },
    },
    { precision, kernels },
  );
  const inference = compile(
    {
      inputs: { image: { shape, dtype: "f32" } },
      build: ({ image }) => ({ outputs: { logits: network.eval().forward(image) } }),
    },
    { precision, kernels },
  );
  const { image, target } = pictures(options);
  return {
    ...{ options, network, image, target, training, inference },
    step: (loaded) => loaded.run({ image, target, hyper: adam.advance() }),
    inputs: { image },
  };
}

/** Runs a loaded program once to its end. */
export const once =
  (loaded: LoadedProgram, run: () => Promise<void>): (() => Promise<undefined>) =>
  async () => {
    await run();
    await loaded.finished();
    return undefined;
  };

export const loadBoth = async (device: Device, { training, inference }: Workload) => ({
  training: await training.load(device),
  inference: await inference.load(device),
});

/**
 * Values of a network that finds something in pictures like {@link pictures}: after some steps on them. Labels of a
 * network that was not trained are nearly all the same.
 */
export async function trainedValues(device: Device, baseFeatures: number): Promise<Map<string, SafetensorsTensor>> {
  const options = { baseFeatures, batch: 4, size: 64, precision: "f32", learningRate: 3e-3 } as const;
  const { network, training, step } = makeWorkload({ ...options, kernels: device.kernels });
  const loaded = await training.load(device);
  try {
    for (let i = 0; i < 60; i++) await step(loaded);
    await loaded.finished();
  } finally {
    loaded.destroy();
  }
  return network.stateDict();
}
