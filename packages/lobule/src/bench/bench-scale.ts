import { makeWorkload, measureScale, scaleTable } from "@lobule/bench";
import { adapterChoice } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { say, sayText } from "../shared/output.js";
import { withRanks } from "../train/ranks.js";

export interface ScaleArguments {
  readonly preset: "liver" | "vessel";
  readonly size: number | undefined;
  readonly batch: number | undefined;
  readonly precision: "f32" | "f16";
  readonly rounds: number | undefined;
  readonly stepMs: number | undefined;
  readonly localMs: readonly number[] | undefined;
}

/**
 * `lobule bench scale`: what the exchange of several ranks costs, and what a step would take on more GPUs. Started by mpirun it
 * measures the exchange of those ranks.
 */
export const benchScaleCommand = (args: ScaleArguments): Promise<void> =>
  withRanks(async ({ world, open }) => {
    const device = await open();
    try {
      const { kind, name } = await adapterChoice();
      const baseFeatures = { liver: 8, vessel: 16 }[args.preset];
      const [size, batch] = [args.size ?? (kind === "gpu" ? 512 : 128), args.batch ?? (kind === "gpu" ? 32 : 4)];
      const rounds = args.rounds ?? 9;
      const compute = args.stepMs ?? (await stepTime(device, { ...args, baseFeatures, size, batch, rounds }));
      const workload = { baseFeatures, size, batch, precision: args.precision };
      const measured = await measureScale(device, world, { ...workload, rounds });
      if (world.rank > 0) return;
      const [step, add] = args.localMs ?? [];
      const cost = step === undefined || add === undefined ? measured.cost : { ...measured.cost, local: { step, add } };
      say(
        `${name}; ${args.preset}${args.stepMs === undefined ? `, ${args.precision}, batch ${batch}, ${size}²` : ", step time as given"}`,
      );
      sayText(scaleTable({ ...measured, cost }, compute, world.size));
    } finally {
      device.destroy();
    }
  });

/** Milliseconds of a training step: the median. */
async function stepTime(
  device: Device,
  {
    baseFeatures,
    size,
    batch,
    precision,
    rounds,
  }: ScaleArguments & {
    readonly baseFeatures: number;
    readonly size: number;
    readonly batch: number;
    readonly rounds: number;
  },
): Promise<number> {
  const workload = makeWorkload({ baseFeatures, batch, size, precision, kernels: device.kernels });
  const loaded = await workload.training.load(device);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    await workload.step(loaded);
    await loaded.finished();
    if (round > 0) times.push(performance.now() - begun);
  }
  loaded.destroy();
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}
