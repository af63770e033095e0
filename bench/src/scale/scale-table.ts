import type { MeasuredScale } from "./scale-bench.js";
import { assumed, gradientBytes, type Network, networks, simulateStep } from "./scale-model.js";

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const perMachine = 8;
/** Of each rank, in the last column. */
const severalParts = 4;

/** Rows of the table: ranks, and the network between machines of eight. */
const cases: readonly (readonly [ranks: number, network: Network | undefined])[] = [
  [2, undefined],
  [8, undefined],
  ...[16, 64, 256].flatMap((ranks) => networks.map((network) => [ranks, network] as const)),
];

/** What was measured, and what it would give with more GPUs. @param compute milliseconds of a step of one rank. */
export function scaleTable({ cost, local, exchange }: MeasuredScale, compute: number, ranks: number): string {
  const { buckets, statisticsBytes, local: simulated } = cost;
  // It was measured by itself.
  const here = simulateStep(0, cost, { ranks, perMachine: ranks, network: undefined });
  const row = (words: readonly string[]): string =>
    words.map((word, i) => (i === 1 ? word.padEnd(12) : word.padStart(9))).join("  ");
  return [
    `gradients ${(gradientBytes(cost) / 1e6).toFixed(2)} MB, statistics of a part ${(statisticsBytes / 1e3).toFixed(1)} kB; a step of one rank ${compute.toFixed(1)} ms`,
    `by the plan of a part for a GPU: ${buckets.map(({ bytes, computed }) => `${percent(bytes / gradientBytes(cost))} of the gradients after ${percent(computed)}`).join(", ")} of the bytes that it moves`,
    `measured: reading, adding and writing by ${local.map(([n, ms]) => `${n} ranks ${ms.toFixed(1)} ms`).join(", ")}`,
    ...(exchange === undefined
      ? []
      : [
          `measured: exchange of ${ranks} ranks ${exchange.toFixed(1)} ms (simulated: ${here.exchangeMilliseconds.toFixed(1)} ms), efficiency ${percent(compute / (compute + exchange))}`,
        ]),
    "",
    `simulated: ${perMachine} GPUs a machine, ${assumed.memory / 1e9} GB/s inside it, ${assumed.message * 1e6} µs a message;`,
    `reading and writing ${simulated.step.toFixed(1)} ms, adding ${simulated.add.toFixed(2)} ms a rank, part and bucket; exchanged while the rest is computed`,
    row(["ranks", "network", "MB sent", "ms", "step ms", "efficiency", `in ${severalParts} parts`]),
    ...cases.map(([n, network]) => {
      const step = simulateStep(compute, cost, { ranks: n, perMachine, network });
      const inParts = simulateStep(compute, cost, { ranks: n, perMachine, network, partsOfRank: severalParts });
      return row([
        String(n),
        network?.name ?? "one machine",
        (step.sentBytes / 1e6).toFixed(1),
        step.exchangeMilliseconds.toFixed(1),
        step.stepMilliseconds.toFixed(1),
        percent(step.efficiency),
        percent(inParts.efficiency),
      ]);
    }),
  ].join("\n");
}
