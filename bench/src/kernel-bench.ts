import type { Device } from "@lobule/tensor";
import type { Roof } from "./roof.js";
import { type Timing, timingOf } from "./timing.js";
import { learningRate, type Workload } from "./workload.js";

/** All dispatches of a training step that run the same kernel. */
export interface KernelTiming extends Timing {
  readonly dispatches: number;
  readonly flops: number;
  readonly bytes: number;
  /** Share of the time of all kernels. */
  readonly share: number;
  /** Time at the roof, by arithmetic or by traffic, whichever is longer, over the time it took. */
  readonly ofRoof: number;
}

/**
 * Times every dispatch of a training step by the adapter's timestamps, and sums those of a kernel.
 * @param onRound is told how many rounds are done; what it throws ends the work.
 * @throws PlanError where the adapter has no timestamps.
 */
export async function benchKernels(
  device: Device,
  workload: Workload,
  roof: Roof,
  rounds: number,
  onRound?: (done: number) => void,
): Promise<KernelTiming[]> {
  const { training } = workload;
  const loaded = await training.load(device);
  const hyper = Float32Array.of(learningRate, 0.1, 0.001, 1e-8, 0, 0.1, Math.sqrt(0.001), 0);
  const kinds = new Map<string, { dispatches: number; flops: number; bytes: number; times: number[] }>();
  for (const call of training.calls) {
    const kind = kinds.get(call.kernel.name) ?? { dispatches: 0, flops: 0, bytes: 0, times: [] };
    kind.dispatches += call.kernel.launches.length;
    kind.flops += call.kernel.flops;
    kind.bytes += training.bytesMoved(call);
    kinds.set(call.kernel.name, kind);
  }
  /** The kernel of each dispatch. */
  const names = training.calls.flatMap(({ kernel }) => kernel.launches.map(() => kernel.name));
  try {
    for (let round = 0; round <= rounds; round++) {
      const times = await loaded.profile({ hyper });
      onRound?.(round);
      if (round === 0) continue;
      const sums = new Map<string, number>();
      for (const [i, { microseconds }] of times.entries()) {
        const name = names[i] ?? "";
        sums.set(name, (sums.get(name) ?? 0) + microseconds / 1000);
      }
      for (const [name, sum] of sums) kinds.get(name)?.times.push(sum);
    }
  } finally {
    loaded.destroy();
  }
  const rows = [...kinds].map(([name, { times, ...cost }]) => ({ ...timingOf(name, times), ...cost }));
  const total = rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return rows
    .map((row) => ({
      ...row,
      share: row.milliseconds / total,
      ofRoof: (Math.max(row.flops / roof.flopsPerSecond, row.bytes / roof.bytesPerSecond) * 1000) / row.milliseconds,
    }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}
