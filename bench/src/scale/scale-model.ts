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
  readonly exchangeMilliseconds: number;
  readonly stepMilliseconds: number;
  /** Share of the time that is spent computing: what N ranks do of N times the work of one. */
  readonly efficiency: number;
}

/**
 * A step of `ranks` GPUs, each with a part of the same size, `perMachine` of them in a machine. Nothing overlaps:
 *
 *     t = compute + local.step + ranks · local.part + two phases of exchange
 *
 * In the first phase each rank sends every other its share of the gradients and its statistics, in the second the sum of
 * its share to every other. A machine's card carries what leaves the machine, memory the rest.
 */
export function simulateStep(
  compute: number,
  { gradientBytes, statisticsBytes, local }: ExchangeCost,
  {
    ranks,
    perMachine,
    network,
  }: { readonly ranks: number; readonly perMachine: number; readonly network: Network | undefined },
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
  const exchange = 1000 * (phase(share + statisticsBytes) + phase(share)) + local.step + ranks * local.part;
  return {
    ranks,
    sentBytes: (ranks - 1) * (2 * share + statisticsBytes),
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
