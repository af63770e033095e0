import { createHash } from "node:crypto";
import { join } from "node:path";
import { DataError, FileReadError, readJson, writeFileAtomically } from "@lobule/data";
import { cacheFolder, nodeStorage } from "@lobule/node";
import {
  type ConvolutionCall,
  type Device,
  type TunedAdapter,
  type TuneResult,
  Tuning,
  TuningError,
  tune,
} from "@lobule/tensor";

export const efforts = ["off", "quick", "full"] as const;
export type Effort = (typeof efforts)[number];

/** Shows how far the timing is. */
export interface TuneProgress {
  /** @param bucket the kind of convolution that was timed last. */
  update(done: number, total: number, bucket: string): void;
  end(): void;
}

export interface TuneRequest {
  readonly effort: Exclude<Effort, "off">;
  /** Seconds after which no further kind of convolution is begun. */
  readonly budget: number;
  /** The file of what is known, read and added to; without it one of this adapter in the user's cache folder. */
  readonly file: string | undefined;
  readonly precision: "f32" | "f16";
  readonly log: (line: string) => void;
  /** Begins a display of what is timed, which ends with the timing. */
  readonly progress: () => TuneProgress;
}

/**
 * Times the variants of the calls' kernels that are not known yet, lets the device use the fastest, and keeps what was
 * learned in the file.
 * @throws TuningError when the named file is no tuning of this adapter.
 */
export async function tuneKernels(
  device: Device,
  calls: readonly ConvolutionCall[],
  { effort, budget, file, precision, log, progress }: TuneRequest,
): Promise<Tuning> {
  const own = Tuning.of(device);
  const path = file ?? join(await cacheFolder(), `tuning-${shortHash(own.adapter)}.json`);
  const tuning = (await readTuning(path, device, file !== undefined)) ?? own;
  const bar = progress();
  let result: TuneResult;
  try {
    result = await tune(device, calls, tuning, {
      precision,
      effort,
      budgetMilliseconds: 1000 * budget,
      now: () => performance.now(),
      onBucket: (done, total, bucket) => bar.update(done, total, bucket),
    });
  } finally {
    bar.end();
  }
  if (result.timed > 0) await writeFileAtomically(nodeStorage, path, `${JSON.stringify(tuning, null, 2)}\n`);
  device.adopt(tuning);
  for (const line of describeTuning(result, path)) log(line);
  return tuning;
}

/** What became of the kernels, in words. */
export function describeTuning({ timed, known, left, refused }: TuneResult, path: string): string[] {
  const parts = [`${timed} kinds of convolution timed`, `${known} known`];
  if (left > 0) parts.push(`${left} left at their defaults for lack of time`);
  return [
    `kernels: ${parts.join(", ")}; kept in ${path}`,
    ...refused.map(({ bucket, variant, error, failure }) => {
      const why =
        failure === undefined
          ? `gives wrong numbers on this adapter (error ${error.toPrecision(2)})`
          : `does not run on this adapter (${failure})`;
      return `note: the ${variant} kernel for ${bucket} ${why} and is not used`;
    }),
  ];
}

/** @param named whether the user gave the file: then it must be one, if it is there. */
export async function readTuning(path: string, device: TunedAdapter, named: boolean): Promise<Tuning | undefined> {
  try {
    return Tuning.parse(await readJson(nodeStorage, path, "record"), device);
  } catch (error) {
    if (!named || (error instanceof FileReadError && error.missing)) return undefined;
    if (error instanceof DataError) throw new TuningError(`${error.message}; name another file, or leave out --tuning`);
    if (!(error instanceof TuningError)) throw error;
    throw new TuningError(`${path} cannot be used: ${error.message}, or leave out --tuning`);
  }
}

const shortHash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
