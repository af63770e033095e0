/** What connects the ranks. */
export interface Network {
  readonly name: string;
  /** Of a machine's card, bits each second. */
  readonly bitsPerSecond: number;
  /** Until the first byte of a message arrives, seconds. */
  readonly latency: number;
}

/** Gradients that are exchanged together. */
export interface ExchangedBucket {
  /** Bytes of its gradients. */
  readonly bytes: number;
  /** Share of a part's work, 0 to 1, that is done when they are there. */
  readonly computed: number;
}

/** What a step of several ranks takes of a machine, besides computing. */
export interface ExchangeCost {
  /** In the order in which they are exchanged; of the last one `computed` is 1. */
  readonly buckets: readonly ExchangedBucket[];
  /** Bytes of a part's statistics, which every rank sends to every other with the first bucket. */
  readonly statisticsBytes: number;
  /** Milliseconds of reading and writing a step, and of adding a bucket of one rank's part. */
  readonly local: { readonly step: number; readonly add: number };
}

/** Bytes of the gradients of all parameters. */
export const gradientBytes = ({ buckets }: Pick<ExchangeCost, "buckets">): number =>
  buckets.reduce((sum, { bytes }) => sum + bytes, 0);

/** What is assumed of every machine. */
export const assumed = {
  /** Bytes each second that a rank moves to others of its machine, through memory. */
  memory: 5e9,
  /** Seconds that a message costs its sender and its receiver. */
  message: 5e-6,
} as const;

/** Networks that the table shows. */
export const networks: readonly Network[] = [
  { name: "10 Gb/s", bitsPerSecond: 10e9, latency: 30e-6 },
  { name: "25 Gb/s", bitsPerSecond: 25e9, latency: 20e-6 },
  { name: "100 Gb/s", bitsPerSecond: 100e9, latency: 5e-6 },
];

export interface SimulatedStep {
  readonly ranks: number;
  /** Bytes that a rank sends in a step. */
  readonly sentBytes: number;
  /** What the exchange adds to computing. */
  readonly exchangeMilliseconds: number;
  readonly stepMilliseconds: number;
  /** Share of the time that is spent computing: what N ranks do of N times the work of one. */
  readonly efficiency: number;
}

/** Who computes a step, and in how many parts. */
export interface SimulatedRanks {
  readonly ranks: number;
  readonly perMachine: number;
  readonly network: Network | undefined;
  /** Parts that each rank runs, one after the other; one by default. */
  readonly partsOfRank?: number;
}

/**
 * A step of `ranks` GPUs, each with p parts of the same size, `perMachine` of them in a machine. Parts are exchanged in buckets,
 * one after the other, while the GPU computes what is left: with tₑ the end of the exchange so far, that of a bucket of part k
 * ends at
 *
 *     max(tₑ, (k + computed) · compute / p) + first + ranks · local.add
 *
 * `first` is a phase in which each rank sends every other its share of the bucket, and its statistics. After the last one comes
 * local.step, and `second`, in which it sends the sum of its shares to every other. A machine's card carries what leaves the
 * machine, memory the rest.
 */
export function simulateStep(
  compute: number,
  { buckets, statisticsBytes, local }: ExchangeCost,
  { ranks, perMachine, network, partsOfRank = 1 }: SimulatedRanks,
): SimulatedStep {
  const share = gradientBytes({ buckets }) / ranks;
  const inside = Math.min(ranks, perMachine);
  const outside = ranks - inside;
  const phase = (bytes: number): number => {
    const within = ((inside - 1) * bytes) / assumed.memory;
    const across =
      network === undefined || outside === 0
        ? 0
        : network.latency + (8 * inside * outside * bytes) / network.bitsPerSecond;
    return Math.max(within, across) + (ranks - 1) * assumed.message;
  };
  let end = 0;
  for (let part = 0; part < partsOfRank; part++) {
    for (const [b, { bytes, computed }] of buckets.entries()) {
      const first = 1000 * phase(bytes / ranks + (b === 0 ? statisticsBytes : 0));
      end = Math.max(end, ((part + computed) * compute) / partsOfRank) + first + ranks * local.add;
    }
  }
  const exchange = Math.max(0, end - compute) + local.step + 1000 * phase(share);
  return {
    ranks,
    sentBytes: (ranks - 1) * (partsOfRank * (share + statisticsBytes) + share),
    exchangeMilliseconds: exchange,
    stepMilliseconds: compute + exchange,
    efficiency: compute / (compute + exchange),
  };
}

/** The line through points by least squares. */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): {
  readonly at0: number;
  readonly slope: number;
} {
  const mean = (of: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean(([at]) => at), mean(([, value]) => value)];
  const slope = mean(([at, value]) => (at - x) * (value - y)) / mean(([at]) => (at - x) ** 2);
  return { at0: y - slope * x, slope };
}
