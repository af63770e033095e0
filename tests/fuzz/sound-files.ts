import { type TunedAdapter, Tuning } from "@lobule/tensor";

// What sound files hold, before a campaign changes them.

export const training = {
  epoch: 1,
  step: 0,
  globalStep: 3,
  optimizerSteps: 3,
  best: { loss: 0.5, epoch: 0 },
  sums: { slices: [4], loss: [1], crossEntropy: [0.4], diceLoss: [0.6], dice: [3, 2] },
  plateau: { learningRate: 1e-3, best: 0.5, badEpochs: 0, cooldownLeft: 0 },
  earlyStopping: { best: 0.5, badEpochs: 0 },
  finished: null,
};
const means = { loss: 0.5, pixelLoss: 0.2, overlapLoss: 0.3, dice: [0.9, 0.5] };
export const epoch = {
  epoch: 0,
  step: 3,
  learningRate: 1e-3,
  training: means,
  seconds: 1.5,
  slicesPerSecond: 10,
  waitedShare: 0,
  best: true,
  validation: { ...means, dice: { sliceMean: [0.9], foregroundSliceMean: [0.9], pooled: [0.9], perCase: [0.9] } },
};
export const workload = {
  cases: { a: "00ff", b: "11ee" },
  step: { parameters: 100, slices: 4, flops: 1e6, bytes: 1000, peakBytes: 2000 },
};
const measuredClass = {
  label: 1,
  name: "liver",
  hausdorff95: 1.5,
  normalizedSurfaceDistance: 0.9,
  dice: {
    slices: 4,
    sliceDiceSum: 3.5,
    foregroundSlices: 2,
    foregroundSliceDiceSum: 1.5,
    intersection: 10,
    predicted: 12,
    target: 11,
  },
  volume: { truth: 1.5, prediction: 1.6, error: 0.1, errorPercent: 6.7 },
};
export const measurement = {
  format: "lobule-evaluation",
  version: 1,
  tolerance: 2,
  provenance: {
    run: { directory: "/run", state: "epoch 1 of 2", finished: false },
    checkpoint: { file: "/run/best.safetensors", sha256: "00", epoch: 1 },
    data: { directory: "/data", labels: ["background", "liver"], modality: ["CT"] },
    settings: { mirror: false, precision: "f32", map: [], includeTraining: false },
    leftOut: [],
    failures: [],
    notes: [],
  },
  cases: [
    {
      name: "b",
      shape: [4, 4, 4],
      spacing: [1, 1, 1],
      tolerance: 2,
      classes: [measuredClass],
      source: { use: "validation", content: "11ee", note: null },
    },
  ],
};
/** Settings with groups, a list, an anchor and comments. */
export const settings = `# A first run
data: data
preset: liver
loss: { kind: dice-ce }
window: [-160, 240]
network: &parts
  preset: unet
  norm: batch
plateau:
  factor: 0.5 # of the rate
  patience: 3
`;
export const experiment = {
  name: "gates",
  data: "data",
  base: { batch: 2 },
  seeds: [0, 1],
  epochs: 4,
  folds: null,
  splitSeed: 0,
  variants: [{ name: "a" }, { name: "b", settings: { plateau: { factor: 0.4 } } }],
  successiveHalving: { rungs: [1, 2], keep: 0.5, by: "dice" },
};
export const record = {
  format: "lobule-experiment",
  version: 1,
  experiment: { data: "/data" },
  runs: [{ name: "a", variant: "a", state: "done", error: null }],
  rungs: [{ epochs: 1, scores: [{ variant: "a", score: 0.5 }], stopped: [] }],
};
export const bench = {
  format: "lobule-bench-1",
  benchmark: "model",
  adapter: "llvmpipe",
  environment: {},
  settings: { preset: "liver" },
  timings: [{ name: "step", milliseconds: 1.5, spread: [1, 2] }],
  beside: [],
};
/** All of a device that reading a tuning looks at. */
export const device = {
  adapterInfo: { vendor: "v", architecture: "a", device: "d", description: "e" },
  reduction: "parallel",
  hasMatrices: false,
  workgroupMemory: 16_384,
} as const satisfies TunedAdapter;

export const tuning = {
  ...Tuning.of(device).toJSON(),
  entries: { "conv3x3 forward 8→8 2^16 f32": { sources: "00", fastest: "tiled" } },
};
export const lock = {
  format: "lobule-lock-1",
  token: "00112233445566778899aabbccddeeff",
  pid: 1,
  host: "h",
  start: "1",
  boot: "b",
  pidNamespace: "n",
};
