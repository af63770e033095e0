import { AttentionResUNet } from "@lobule/nn";
import type { Device, Program, Variable } from "@lobule/tensor";
import { type Collective, SharedGradients } from "@lobule/train";
import { sharedPart, type WorkloadOptions } from "../workload.js";
import type { ExchangeCost, ExchangedBucket } from "./scale-model.js";
import { lineThrough } from "./scale-model.js";

/** Ranks for which the local cost is measured; between them it is a line. */
const measuredAt = [2, 16, 64] as const;

/** Ranks that are not there: what they would send is what this one has. */
function echo(size: number): Collective {
  return {
    rank: 0,
    size,
    hosts: Array<string>(size).fill("nowhere"),
    at: () => undefined,
    exchange: async (parts, lengths) =>
      lengths.map((length) => (parts[0]?.length === length ? parts[0] : new Float32Array(length))),
  };
}

/** Milliseconds of the exchange of a step between ranks, by itself: the median of so many. */
async function exchangeTime(
  device: Device,
  world: Collective,
  { part, baseFeatures, rounds }: { readonly part: Program; readonly baseFeatures: number; readonly rounds: number },
): Promise<number> {
  const network = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const shared = new SharedGradients(world, device, network);
  shared.take(part);
  for (const { finished } of part.submissions) for (const { group } of finished) group.place(device);
  const shares = Array<number>(world.size).fill(1 / world.size);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    shared.clearStatistics();
    for (const submission of part.submissions.keys()) shared.read(submission);
    shared.add(shares, true);
    await shared.finish();
    await device.queue.onSubmittedWorkDone();
    // The first one compiles.
    if (round > 0) times.push(performance.now() - begun);
  }
  await shared.destroy();
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** What the exchange of a step was measured to take. */
export interface MeasuredScale {
  readonly cost: ExchangeCost;
  /** Milliseconds by ranks that are not there, by their number. */
  readonly local: readonly (readonly [ranks: number, milliseconds: number])[];
  /** Milliseconds with the ranks of the world; undefined where this process is alone. */
  readonly exchange: number | undefined;
}

/**
 * Measures the exchange of a step of the reference network, by itself: what it costs this rank to read, add and write, for
 * several numbers of ranks, and all of it with the ranks that there are.
 */
export async function measureScale(
  device: Device,
  world: Collective,
  { rounds, ...options }: Omit<WorkloadOptions, "kernels"> & { readonly rounds: number },
): Promise<MeasuredScale> {
  const { baseFeatures } = options;
  // What GPUs run, of which the table is.
  const part = sharedPart({ ...options, kernels: "parallel" });
  const network = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const bytes = (variables: readonly Variable[]): number =>
    4 * variables.reduce((total, { shape }) => total + Math.ceil(shape.reduce((a, b) => a * b, 1) / 64) * 64, 0);
  const timed = { part, baseFeatures, rounds };
  const exchange = world.size === 1 ? undefined : await exchangeTime(device, world, timed);
  const local: [number, number][] = [];
  for (const ranks of measuredAt) local.push([ranks, await exchangeTime(device, echo(ranks), timed)]);
  const { at0, slope } = lineThrough(local);
  const buckets = bucketsOf(part);
  return {
    local,
    exchange,
    cost: {
      buckets,
      statisticsBytes: bytes(network.buffers()),
      local: { step: Math.max(0, at0), add: Math.max(0, slope) / buckets.length },
    },
  };
}

/** When the buckets of a part are there, by the bytes that its calls move. */
function bucketsOf(part: Program): ExchangedBucket[] {
  const total = part.bytesPerRun;
  let moved = 0;
  return part.submissions.map(({ calls, finished }) => {
    moved += calls.reduce((sum, call) => sum + part.bytesMoved(call), 0);
    return { bytes: 4 * finished.reduce((sum, { first, end }) => sum + end - first, 0), computed: moved / total };
  });
}
