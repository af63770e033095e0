import { writeFileAtomically } from "@lobule/data";
import type { AdapterChoice } from "@lobule/node";
import { nodeStorage } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { type Benchmark, type BenchSettings, presetFeatures } from "./bench-settings.js";
import { benchKernels } from "./kernel-bench.js";
import { benchModel } from "./model-bench.js";
import { benchPeers, type PeerTimes } from "./peers/peer-bench.js";
import { peerChartSvg } from "./peers/peer-chart.js";
import { peerTable, volumeTable } from "./peers/peer-tables.js";
import {
  noneOf,
  ownCommand,
  type PeerOptions,
  type PytorchMode,
  peerVariants,
  pytorchCommand,
  tunedMalloc,
} from "./peers/peer-variants.js";
import { measureRoof } from "./roof.js";
import { rooflineSvg } from "./roofline.js";
import { kernelTable, modelTable } from "./tables.js";
import type { Timing } from "./timing.js";
import { type Effort, type TuneProgress, tuneKernels } from "./tune/tune-kernels.js";
import { benchVolume } from "./volume-bench.js";
import { makeWorkload, trainedValues, type Workload } from "./workload.js";
export interface BenchRequest {
  readonly preset: "liver" | "vessel";
  /** Whether cheap tensors are computed again in a training step. */
  readonly recompute: boolean;
  readonly steps: number;
  readonly tune: Effort;
  /** Seconds that the timing of kernels may take, in each process that does it. */
  readonly tuneBudget: number;
  readonly svg: string | undefined;
  readonly peers: PeerOptions;
  readonly display: BenchDisplay;
}

/** How a user sees what happens before there is a result. */
export interface BenchDisplay {
  /** Told what became of the kernels that were timed. */
  readonly log: (line: string) => void;
  /** Told of each way to run the network before it begins. */
  readonly onPeer: (name: string) => void;
  /** Begins a display of the kernels that are timed. */
  readonly progress: () => TuneProgress;
}

export interface Outcome {
  /** Ours. */
  readonly timings: readonly Timing[];
  /** Of what was run beside ours. */
  readonly beside: readonly Timing[];
  readonly details: unknown;
  readonly text: string;
}

/** Milliseconds that one thing is timed in a round at least: a short one is done several times. */
const turn = 500;

const now = (): number => performance.now();

/** Runs one of the benchmarks; the pictures are written where they are asked for. */
export function runBenchmark(
  benchmark: Benchmark,
  device: Device,
  choice: AdapterChoice,
  request: BenchRequest,
  settings: BenchSettings,
): Promise<Outcome> {
  if (benchmark === "kernels") return runKernels(device, choice, request, settings);
  if (benchmark === "model") return runModel(device, request, settings);
  if (benchmark === "peers") return runPeers(choice, request, settings);
  return runVolume(device, request, settings);
}

async function workloadOf(device: Device, request: BenchRequest, { batch, size }: BenchSettings): Promise<Workload> {
  const { preset, recompute, tune, tuneBudget, peers, display } = request;
  const { log, progress } = display;
  const { precision } = peers;
  const work = { baseFeatures: presetFeatures[preset], batch, size, precision, recompute };
  const make = (): Workload => makeWorkload({ ...work, kernels: device.kernels });
  if (tune !== "off") {
    const { training, inference } = make();
    await tuneKernels(device, [...training.convolutions, ...inference.convolutions], {
      effort: tune,
      budget: tuneBudget,
      file: undefined,
      precision,
      log,
      progress,
    });
  }
  const workload = make();
  device.check(workload.training);
  return workload;
}

const titleOf = ({ name }: AdapterChoice, { preset }: BenchRequest, { batch, size }: BenchSettings): string =>
  `Training step, ${presetFeatures[preset]} base features, batch ${batch}, ${size}² on ${name.split(" (")[0]}`;

async function runKernels(device: Device, choice: AdapterChoice, request: BenchRequest, settings: BenchSettings) {
  const workload = await workloadOf(device, request, settings);
  const roof = await measureRoof(device, now);
  const kernels = await benchKernels(device, workload, roof, settings.rounds);
  const { svg } = request;
  if (svg !== undefined)
    await writeFileAtomically(nodeStorage, svg, rooflineSvg(kernels, roof, titleOf(choice, request, settings)));
  return { timings: kernels, beside: [], details: { roof, kernels }, text: kernelTable(kernels, roof) };
}

async function runModel(device: Device, request: BenchRequest, settings: BenchSettings) {
  const result = await benchModel(device, await workloadOf(device, request, settings), {
    rounds: settings.rounds,
    turn,
    steps: request.steps,
    now,
    residentBytes: () => process.memoryUsage.rss(),
  });
  return { timings: result.timings, beside: [], details: result, text: modelTable(result, settings.batch) };
}

async function runPeers(choice: AdapterChoice, request: BenchRequest, settings: BenchSettings) {
  const { preset, recompute, tune, tuneBudget, peers, svg, display } = request;
  const { batch, size, rounds } = settings;
  const work = { baseFeatures: presetFeatures[preset], batch, size };
  const { precision, limit } = peers;
  const own = ownCommand({ precision, recompute, tune, tuneBudget, limit });
  const result = await benchPeers(work, {
    own,
    variants: peerVariants(peers),
    rounds,
    turn,
    now,
    onPeer: display.onPeer,
  });
  if (svg !== undefined)
    await writeFileAtomically(nodeStorage, svg, peerChartSvg(result, titleOf(choice, request, settings)));
  const timingsOf = ({ step, forward }: PeerTimes): Timing[] => (step === null ? [forward] : [step, forward]);
  return {
    timings: timingsOf(result.ours),
    beside: result.peers.flatMap(timingsOf),
    details: result,
    text: peerTable(result),
  };
}

async function runVolume(device: Device, request: BenchRequest, { batch, size, slices, rounds }: BenchSettings) {
  const { preset, tune, tuneBudget, peers, display } = request;
  const pytorch = (name: string, mode: PytorchMode, at = batch, environment = {}) => ({
    name: `PyTorch ${name}`,
    mode,
    batch: at,
    command: () => pytorchCommand(peers, mode, environment),
  });
  const all = peers.gpu
    ? [pytorch("eager TF32", "eager"), pytorch("AMP", "amp"), pytorch("eager TF32, slice by slice", "eager", 1)]
    : [
        pytorch("eager", "eager"),
        pytorch("eager, tuned malloc", "eager", batch, tunedMalloc),
        pytorch("eager, slice by slice", "eager", 1),
      ];
  const variants = all.filter(({ mode }) => peers.modes.includes(mode));
  if (variants.length === 0) throw noneOf(peers);
  const own = {
    name: "Lobule",
    batch,
    command: () => ownCommand({ precision: peers.precision, recompute: false, tune, tuneBudget, limit: peers.limit }),
  };
  const features = presetFeatures[preset];
  const result = await benchVolume(
    { baseFeatures: features, weights: await trainedValues(device, features), size, slices },
    { own, variants, rounds, turn: 0, now, onPeer: display.onPeer },
  );
  return {
    timings: [result.ours.timing],
    beside: result.peers.map(({ timing }) => timing),
    details: result,
    text: volumeTable(result),
  };
}
