import { AttentionResUNet, diceCrossEntropy } from "@lobule/nn";
import { Adam, LossScaler } from "@lobule/optim";
import {
  compile,
  constant,
  type Device,
  gradients,
  keepGradients,
  type LoadedProgram,
  type Program,
  type SafetensorsTensor,
  type Scalar,
  Variable,
  zeros,
} from "@lobule/tensor";

/** What is timed: the reference network on a batch. */
export interface WorkloadOptions {
  readonly baseFeatures: number;
  readonly batch: number;
  readonly size: number;
  readonly precision: "f32" | "f16";
  readonly kernels: Device["kernels"];
  /** Whether the training step makes cheap tensors again instead of keeping them; off by default. */
  readonly recompute?: boolean;
  /** Of Adam; that of the peers by default. */
  readonly learningRate?: number;
}

/** What a training step measures. */
export type LossMetric = { readonly loss: Scalar };

export interface Workload {
  readonly options: WorkloadOptions;
  readonly network: AttentionResUNet<1, 3>;
  readonly training: Program<LossMetric>;
  readonly inference: Program;
  /** Queues the next step of a loaded training program. */
  step(loaded: LoadedProgram): Promise<void>;
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
    const tumor = away(0.35, 0.45 + 0.02 * n) < 0.08;
    target[at] = tumor ? 2 : organ ? 1 : 0;
    image[at] = Math.fround((tumor ? 0.45 : organ ? 0.7 : 0.3) + 0.2 * Math.sin(0.37 * x + n) * Math.cos(0.23 * y));
  }
  return { image, target };
}

/** @param start values to start from, in place of the network's own. */
export function makeWorkload(options: WorkloadOptions, start?: ReadonlyMap<string, SafetensorsTensor>): Workload {
  const { baseFeatures, batch, size, precision, kernels, recompute = false } = options;
  const network = newNetwork(baseFeatures);
  if (start !== undefined) network.loadStateDict(start);
  const adam = new Adam(network.namedParameters(), { learningRate: options.learningRate ?? learningRate });
  const scaler = precision === "f16" ? new LossScaler() : undefined;
  // The batch stays on the device, as it does in the peers: it is the network that is timed.
  const batchOf = pictures(options);
  const image = () => constant(batchOf.image, [batch, 1, size, size]);
  const training = compile(
    {
      inputs: { hyper: { shape: [8], dtype: "f32" } },
      build: ({ hyper }) => {
        const target = constant(batchOf.target, [batch, size, size], "u32");
        const { loss } = diceCrossEntropy(network.train().forward(image()), target);
        const grads = gradients(loss, adam.parameters, scaler?.scale);
        return { metrics: { loss }, updates: [adam.update(grads, hyper, scaler === undefined ? {} : { scaler })] };
      },
    },
    { precision, kernels, recompute },
  );
  const inference = compile(
    { inputs: {}, build: () => ({ outputs: { logits: network.eval().forward(image()) } }) },
    { precision, kernels },
  );
  return {
    options,
    network,
    training,
    inference,
    step: (loaded) => loaded.run({ hyper: adam.advance() }),
  };
}

/** What a rank runs of a batch that is shared: a training step of `options.batch` slices that keeps its gradients. */
export function sharedPart({ baseFeatures, batch, size, precision, kernels }: WorkloadOptions): Program {
  const network = newNetwork(baseFeatures);
  const parameters = network.parameters();
  const sums = parameters.map(({ name, shape }) => new Variable(name, shape, zeros, "gradient"));
  const inputs = {
    image: { shape: [batch, 1, size, size], dtype: "f32" },
    target: { shape: [batch, size, size], dtype: "u32" },
  } as const;
  return compile(
    {
      inputs,
      build: ({ image, target }) => {
        const { loss } = diceCrossEntropy(network.train().forward(image), target);
        return { metrics: { loss }, updates: [keepGradients(parameters, gradients(loss, parameters), sums)] };
      },
    },
    { precision, kernels },
  );
}

/** Queues something so many times over and waits for the end of all. */
export async function repeat(loaded: LoadedProgram, times: number, run: () => Promise<void>): Promise<undefined> {
  for (let i = 0; i < times; i++) await run();
  await loaded.finished();
  return undefined;
}

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
    await repeat(loaded, 60, () => step(loaded));
  } finally {
    loaded.destroy();
  }
  return network.stateDict();
}
