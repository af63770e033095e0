import { AttentionResUNet } from "@lobule/nn";
import { type Device, groupVariables, Variable, zeros } from "@lobule/tensor";
import { type Collective, SharedGradients } from "@lobule/train";
import type { ExchangeCost } from "./scale-model.js";
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

/** Milliseconds of the exchange of a step between ranks: the median of so many. */
async function exchangeTime(device: Device, world: Collective, baseFeatures: number, rounds: number): Promise<number> {
  const network = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const parameters = network.parameters();
  groupVariables(parameters);
  const sums = parameters.map(({ name, shape }) => new Variable(name, shape, zeros, "gradient"));
  groupVariables(sums);
  const shared = new SharedGradients(world, device, network, sums);
  const shares = Array<number>(world.size).fill(1 / world.size);
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begun = performance.now();
    shared.clearStatistics();
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
 * Measures the exchange of a step of the reference network: what it costs this rank to read, add and write, for several
 * numbers of ranks, and all of it with the ranks that there are.
 */
export async function measureScale(
  device: Device,
  world: Collective,
  { baseFeatures, rounds }: { readonly baseFeatures: number; readonly rounds: number },
): Promise<MeasuredScale> {
  const network = new AttentionResUNet({ inChannels: 1, classes: 3, baseFeatures, seed: 1 });
  const bytes = (variables: readonly Variable[]): number =>
    4 * variables.reduce((total, { shape }) => total + Math.ceil(shape.reduce((a, b) => a * b, 1) / 64) * 64, 0);
  const exchange = world.size === 1 ? undefined : await exchangeTime(device, world, baseFeatures, rounds);
  const local: [number, number][] = [];
  for (const ranks of measuredAt) local.push([ranks, await exchangeTime(device, echo(ranks), baseFeatures, rounds)]);
  const { at0, slope } = lineThrough(local);
  return {
    local,
    exchange,
    cost: {
      gradientBytes: bytes(network.parameters()),
      statisticsBytes: bytes(network.buffers()),
      local: { step: Math.max(0, at0), part: Math.max(0, slope) },
    },
  };
}
