/** What connects the ranks. */
export interface Network {
  readonly name: string;
  /** Of a machine's card, bits each second. */
  readonly bitsPerSecond: number;
  /** Until the first byte of a message arrives, seconds. */
  readonly latency: number;
}

/** What a step of several ranks takes of a machine, besides computing. */
export interface ExchangeCost {
  /** Bytes of the gradients of all parameters. */
  readonly gradientBytes: number;
  /** Bytes of a part's statistics, which every rank sends to every other. */
  readonly statisticsBytes: number;
  /** Milliseconds of reading, adding and writing: of a step, and more for each rank's part. */
  readonly local: { readonly step: number; readonly part: number };
}

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
 * A step of `ranks` GPUs, each with p parts of the same size, `perMachine` of them in a machine:
 *
 *     t = compute + local.step + p · ranks · local.part + first + second + max(0, (p − 1) · (first − compute / p))
 *
 * `first` is a phase of exchange in which each rank sends every other its share of a part's gradients and its statistics; it
 * overlaps with the next part's computation. In `second` it sends the sum of its share to every other. A machine's card
 * carries what leaves the machine, memory the rest.
 */
export function simulateStep(
  compute: number,
  { gradientBytes, statisticsBytes, local }: ExchangeCost,
  { ranks, perMachine, network, partsOfRank = 1 }: SimulatedRanks,
): SimulatedStep {
  const share = gradientBytes / ranks;
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
  const [first, second] = [1000 * phase(share + statisticsBytes), 1000 * phase(share)];
  const notHidden = Math.max(0, (partsOfRank - 1) * (first - compute / partsOfRank));
  const exchange = first + second + notHidden + local.step + partsOfRank * ranks * local.part;
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
