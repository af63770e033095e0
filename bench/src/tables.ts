import { fitText } from "@lobule/data";
import type { Comparison } from "./bench-files.js";
import type { KernelTiming } from "./kernel-bench.js";
import type { ModelResult } from "./model-bench.js";
import type { Roof } from "./roof.js";
import type { Change, Timing } from "./timing.js";
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
/** Milliseconds with three digits. */
const milliseconds = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

export const timingLine = ({ name, milliseconds: median, spread: [low, high] }: Timing, more = ""): string =>
  `${fitText(name, 52)} ${milliseconds(median).padStart(7)} ms  ${`${milliseconds(low)}-${milliseconds(high)}`.padStart(12)}${more}`;

export const timingHead = `${"".padEnd(52)} ${"median".padStart(10)}  ${"80 % within".padStart(12)}`;

export function kernelTable(kernels: readonly KernelTiming[], roof: Roof): string {
  const rows = kernels.map(({ name, dispatches, milliseconds: median, share, flops, bytes, ofRoof }) =>
    [
      fitText(name, 29),
      String(dispatches).padStart(4),
      milliseconds(median).padStart(8),
      `${(100 * share).toFixed(1)} %`.padStart(7),
      (flops / median / 1e6).toFixed(1).padStart(8),
      (bytes / median / 1e6).toFixed(1).padStart(7),
      `${(100 * ofRoof).toFixed(0)} %`.padStart(6),
    ].join(" "),
  );
  const total = kernels.reduce((sum, { milliseconds: median }) => sum + median, 0);
  return [
    `Roof of this adapter: ${(roof.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s, ${(roof.bytesPerSecond / 1e9).toFixed(1)} GB/s`,
    `${"kernel".padEnd(29)} ${"runs".padStart(4)} ${"ms".padStart(8)} ${"share".padStart(7)} ${"GFLOP/s".padStart(8)} ${"GB/s".padStart(7)} ${"roof".padStart(6)}`,
    ...rows,
    `${"all".padEnd(29)} ${"".padStart(4)} ${milliseconds(total).padStart(8)}`,
  ].join("\n");
}

export function modelTable(
  { timings, firstStep, dispatches, flops, bytes, peakBytes, growth }: ModelResult,
  batch: number,
) {
  const lines = timings.map((timing) =>
    timingLine(timing).concat(
      `\n${"".padEnd(52)} ${((1000 * batch) / timing.milliseconds).toFixed(1).padStart(7)} slices/s`,
    ),
  );
  const [step] = timings;
  const rate = step === undefined ? "" : `, ${(flops / step.milliseconds / 1e6).toFixed(1)} GFLOP/s`;
  return [
    timingHead,
    ...lines,
    `first step, programs and pipelines made: ${(firstStep / 1000).toFixed(1)} s`,
    `a step: ${dispatches} dispatches, ${(flops / 1e9).toFixed(2)} GFLOP${rate},`,
    `  ${megabytes(bytes)} read and written, ${megabytes(peakBytes)} on the device`,
    ...(growth === undefined
      ? []
      : [
          `over ${growth.steps} steps: last tenth ${growth.slowdown.toFixed(3)}× as long as the first,`,
          `  process ${megabytes(growth.resident[0])} → ${megabytes(growth.resident[1])}, device buffers ${growth.live[0][0]} → ${growth.live[1][0]} (${megabytes(growth.live[0][1])} → ${megabytes(growth.live[1][1])})`,
        ]),
  ].join("\n");
}

const changeLine = ({ name, ratio }: Change, note = ""): string =>
  `${fitText(name, 52)} ${ratio.toFixed(2).padStart(7)}×${note}`;

/** What changed of ours, and of others: where these changed too, the machine did. */
export const changeTable = ({ ours, beside }: Comparison, path: string): string =>
  [
    ours.length === 0 ? `against ${path}: it holds none of what was timed` : `against ${path}:`,
    ...ours.map((change) => changeLine(change, change.slower ? "  slower beyond noise" : "")),
    ...(beside.length === 0 ? [] : ["others, which do not count:", ...beside.map((change) => changeLine(change))]),
  ].join("\n");
