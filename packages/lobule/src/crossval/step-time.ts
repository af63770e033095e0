import type { Device, Program } from "@lobule/tensor";

/** What a program costs by its plan. */
export interface PlannedCost {
  readonly flops: number;
  /** Read and written. */
  readonly bytes: number;
}

/** Milliseconds of a training step and of a validation step, and where they are from. */
export interface StepTimes {
  readonly training: number;
  /** For each slice. */
  readonly validation: number;
  readonly origin: string;
}

export const costOf = ({ calls, bytesPerRun }: Program): PlannedCost => ({
  flops: calls.reduce((sum, { kernel }) => sum + kernel.flops, 0),
  bytes: bytesPerRun,
});

/**
 * What an H200 was measured to take (bench/RESULTS.md, 2026-11-26 and 27; f32, batch 32 at 512²): the milliseconds of a step
 * and of a forward pass with 8 and with 16 base features, beside what their plans count. At batch 4 and 256² a step took
 * 6.1 ms, with earlier kernels.
 */
const h200 = {
  training: [
    { flops: 632.47e9, bytes: 37.02e9, milliseconds: 52.9 },
    { flops: 2516.1e9, bytes: 72.86e9, milliseconds: 175.7 },
  ],
  forward: [
    { flops: 209.35e9, bytes: 10.26e9, milliseconds: 10.4 },
    { flops: 833.17e9, bytes: 20.33e9, milliseconds: 35.4 },
  ],
  leastStep: 6.1,
} as const;

type Measured = PlannedCost & { readonly milliseconds: number };

/** The line a · FLOPs + b · bytes through two measured times: arithmetic and memory each at a rate of their own. */
function through([one, other]: readonly [Measured, Measured]): (cost: PlannedCost) => number {
  const determinant = one.flops * other.bytes - other.flops * one.bytes;
  const byFlops = (one.milliseconds * other.bytes - other.milliseconds * one.bytes) / determinant;
  const byBytes = (one.flops * other.milliseconds - other.flops * one.milliseconds) / determinant;
  return ({ flops, bytes }) => byFlops * flops + byBytes * bytes;
}

/**
 * What an H200 would take, derived from what it was measured to take. Steps are never shorter than the shortest that was
 * timed, in which the GPU waits for its dispatches.
 * @param training of a step, by its plan with the kernels for GPUs; `validation` of one slice.
 */
export const timesOnH200 = ({
  training,
  validation,
}: {
  readonly training: PlannedCost;
  readonly validation: PlannedCost;
}): StepTimes => ({
  training: Math.max(h200.leastStep, through(h200.training)(training)),
  validation: through(h200.forward)(validation),
  origin: "by FLOPs and bytes from steps of other sizes that an H200 was measured to take",
});

/** Runs that are timed, and the milliseconds after which no further one is begun. */
const [mostRuns, enough] = [5, 2000] as const;

/**
 * Times programs on inputs of nothing but zeros. The first run of each, which compiles, is not counted.
 * @param validation of one slice.
 * @throws PlanError, DeviceError.
 */
export async function measureTimes(
  device: Device,
  { training, validation }: { readonly training: Program; readonly validation: Program },
  { signal, now }: { readonly signal: AbortSignal; readonly now: () => number },
): Promise<StepTimes> {
  const timed = async (program: Program): Promise<number> => {
    const loaded = await program.load(device);
    try {
      const inputs = zerosFor(program);
      const each: number[] = [];
      for (let run = 0; run <= mostRuns && each.reduce((sum, time) => sum + time, 0) < enough; run++) {
        signal.throwIfAborted();
        const started = now();
        await loaded.run(inputs);
        await loaded.finished();
        if (run > 0) each.push(now() - started);
      }
      each.sort((a, b) => a - b);
      return each[Math.floor(each.length / 2)] ?? Number.NaN;
    } finally {
      loaded.destroy();
    }
  };
  return {
    training: await timed(training),
    validation: await timed(validation),
    origin: "was timed now, on empty slices",
  };
}

const zerosFor = ({ inputs }: Program): Record<string, Float32Array | Uint32Array> =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, dtype }]) => {
      const length = shape.reduce((size, extent) => size * extent, 1);
      return [name, dtype === "u32" ? new Uint32Array(length) : new Float32Array(length)];
    }),
  );
