import { measureRoof, type Roof } from "@lobule/bench";
import { writeFileAtomically } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import type { Device } from "@lobule/tensor";
import { ConfigError, type PreparedRun, type ProfiledCall } from "@lobule/train";
import { say, sayText } from "../shared/output.js";
import { fit } from "../shared/text.js";

/** Steps that are profiled; the first, which compiles, is not counted. */
const steps = 6;
/** Dispatches that the table names one by one. */
const shown = 25;

/**
 * Runs the first steps of a run with a timestamp around every dispatch, prints the slowest and writes all of them as a
 * Chrome trace (chrome://tracing, Perfetto). Nothing of the training is kept.
 * @throws PlanError where the adapter has no timestamps; ConfigError when the run has too few slices for a step.
 */
export async function profileTraining(device: Device, { trainer }: PreparedRun, path: string): Promise<void> {
  if (trainer.slices.training === 0)
    throw new ConfigError("there is no slice to train on, so there is no step to profile");
  const roof = await measureRoof(device, () => performance.now());
  const profiles = (await trainer.profile(steps)).slice(1);
  const dispatches = medianOf(profiles);
  await writeFileAtomically(nodeStorage, path, `${JSON.stringify(chromeTrace(dispatches))}\n`);
  sayText(profileTable(dispatches, roof));
  say(`written: ${path}: every dispatch, for chrome://tracing or Perfetto`);
}

/** Each dispatch with the median of its times. */
function medianOf([first = [], ...others]: readonly ProfiledCall[][]): ProfiledCall[] {
  return first.map((call, i) => {
    const times = [first, ...others].map((profile) => profile[i]?.microseconds ?? Number.NaN).sort((a, b) => a - b);
    return { ...call, microseconds: times[Math.floor(times.length / 2)] ?? Number.NaN };
  });
}

/** The trace of one step, dispatches one after another. Source: "Trace Event Format", Google. */
export function chromeTrace(dispatches: readonly ProfiledCall[]): {
  readonly traceEvents: readonly Readonly<Record<string, unknown>>[];
} {
  let ts = 0;
  const traceEvents = dispatches.map(({ name, kernel, microseconds, flops, bytes }) => {
    const event = { name, cat: kernel, ph: "X", ts, dur: microseconds, pid: 1, tid: 1, args: { kernel, flops, bytes } };
    ts += microseconds;
    return event;
  });
  return { traceEvents };
}

export function profileTable(dispatches: readonly ProfiledCall[], roof: Roof): string {
  const total = dispatches.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const numbered = dispatches.map((call, i) => ({ ...call, number: i + 1 }));
  const slowest = numbered.sort((a, b) => b.microseconds - a.microseconds).slice(0, shown);
  const rows = slowest.map(({ number, name, microseconds, flops, bytes }) => {
    const atRoof = Math.max(flops / roof.flopsPerSecond, bytes / roof.bytesPerSecond) * 1e6;
    return [
      String(number).padStart(4),
      fit(name, 29),
      (microseconds / 1000).toFixed(2).padStart(8),
      `${((100 * microseconds) / total).toFixed(1)} %`.padStart(7),
      (flops / microseconds / 1e3).toFixed(1).padStart(8),
      (bytes / microseconds / 1e3).toFixed(1).padStart(7),
      `${((100 * atRoof) / microseconds).toFixed(0)} %`.padStart(6),
    ].join(" ");
  });
  const share = slowest.reduce((sum, { microseconds }) => sum + microseconds, 0) / total;
  return [
    `Roof of this adapter: ${(roof.flopsPerSecond / 1e9).toFixed(1)} GFLOP/s, ${(roof.bytesPerSecond / 1e9).toFixed(1)} GB/s`,
    `${"".padStart(4)} ${"dispatch".padEnd(29)} ${"ms".padStart(8)} ${"share".padStart(7)} ${"GFLOP/s".padStart(8)} ${"GB/s".padStart(7)} ${"roof".padStart(6)}`,
    ...rows,
    `the ${slowest.length} slowest of ${dispatches.length} dispatches, ${(100 * share).toFixed(0)} % of ${(total / 1000).toFixed(1)} ms a step`,
  ].join("\n");
}
