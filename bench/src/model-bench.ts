import type { Device } from "@lobule/tensor";
import { interleaved, type Rounds, type Timing } from "./timing.js";
import { loadBoth, repeat, type Workload } from "./workload.js";

/** Time and memory of the reference network's step and forward pass. */
export interface ModelResult {
  readonly timings: readonly Timing[];
  /** From the plan to the end of the first step, driver's compilation included; milliseconds. */
  readonly firstStep: number;
  readonly dispatches: number;
  readonly flops: number;
  /** Bytes read and written in a step, by the plan's count. */
  readonly bytes: number;
  readonly peakBytes: number;
  readonly growth: Growth | undefined;
}

/** What many steps leave behind. */
export interface Growth {
  readonly steps: number;
  /** Median of the last tenth of the steps over that of the first tenth. */
  readonly slowdown: number;
  /** Resident memory of the process after the first tenth and at the end, bytes. */
  readonly resident: readonly [before: number, after: number];
  /** Buffers on the device after the first step and at the end: number and bytes. */
  readonly live: readonly [before: readonly [number, number], after: readonly [number, number]];
}

export interface ModelBenchOptions extends Rounds {
  /** Steps over which growth is watched; none where 0. */
  readonly steps: number;
  readonly residentBytes: () => number;
}

export async function benchModel(
  device: Device,
  workload: Workload,
  { rounds, turn, steps, now, residentBytes }: ModelBenchOptions,
): Promise<ModelResult> {
  const started = now();
  const { training, inference } = await loadBoth(device, workload);
  try {
    const step = (times: number) => repeat(training, times, () => workload.step(training));
    await step(1);
    const firstStep = now() - started;
    const { batch, size } = workload.options;
    const shape = `${batch}×${size}²`;
    const timings = await interleaved(
      [
        { name: `training step ${shape}`, run: step },
        { name: `forward pass ${shape}`, run: (times) => repeat(inference, times, () => inference.run()) },
      ],
      { rounds, turn, now },
    );
    const growth = steps === 0 ? undefined : await watch(device, step, steps, now, residentBytes);
    const { program } = training;
    const flops = program.calls.reduce((sum, { kernel }) => sum + kernel.flops, 0);
    const { dispatches, bytesPerRun: bytes, peakBytes } = program;
    return { timings, firstStep, dispatches, flops, bytes, peakBytes, growth };
  } finally {
    training.destroy();
    inference.destroy();
  }
}

async function watch(
  device: Device,
  step: (times: number) => Promise<unknown>,
  steps: number,
  now: () => number,
  residentBytes: () => number,
): Promise<Growth> {
  const tenth = Math.max(1, Math.floor(steps / 10));
  const live = (): readonly [number, number] => [device.liveBuffers, device.liveBytes];
  const first = live();
  const times: number[] = [];
  let resident = 0;
  for (let i = 0; i < steps; i++) {
    const started = now();
    await step(1);
    times.push(now() - started);
    if (i + 1 === tenth) resident = residentBytes();
  }
  const median = (values: readonly number[]): number =>
    [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
  return {
    steps,
    slowdown: median(times.slice(-tenth)) / median(times.slice(0, tenth)),
    resident: [resident, residentBytes()],
    live: [first, live()],
  };
}
