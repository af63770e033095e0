import { hasQuads, type ImageShape, imageSize } from "@lobule/kernels-wgsl";
import type { Device } from "../device/device.js";
import type { ConvolutionCall, ConvolutionVariant } from "../graph/convolution-call.js";
import { sourceHash } from "./source-hash.js";
import { type Trial, TrialBuffers } from "./trial.js";
import { bucketOf, type Tuning } from "./tuning.js";

/** How kernel variants are timed. */
export interface TuneOptions {
  readonly precision: "f32" | "f16";
  /** quick: three rounds, without the readable kernels; full: nine rounds of every variant. */
  readonly effort: "quick" | "full";
  /** Calls that were not reached within this time keep the default variant. */
  readonly budgetMilliseconds: number;
  readonly now: () => number;
  readonly onBucket?: (done: number, total: number, bucket: string) => void;
}

/** What became of the calls. */
export interface TuneResult {
  /** Kinds of call: timed now, known before, left out for lack of time. */
  readonly timed: number;
  readonly known: number;
  readonly left: number;
  /** Variants that are not used, because they gave wrong numbers on this adapter or did not run. */
  readonly refused: readonly Refusal[];
}

interface Refusal {
  readonly bucket: string;
  readonly variant: ConvolutionVariant;
  readonly error: number;
  /** Why it did not run; the error is then infinite. */
  readonly failure?: string;
}

/** Relative L2 error against the plain variant that a variant may have. */
const limits = { f32: 1e-5, f16: 1e-3 } as const;
/** A variant must be faster than the default one by so much, so that noise changes nothing. */
const margin = 0.97;
/** A sample runs at least so long; shorter ones measure the start of work. Milliseconds. */
const sampleLength = 3;

/**
 * Times the variants of each kind of convolution, those first that compute the most, and keeps the fastest in `tuning`.
 * Each variant is first compared with the plain one, which the kernels' tests compare with float64, on a small image with
 * the call's channels and odd extents; what differs is not used.
 */
export async function tune(
  device: Device,
  calls: readonly ConvolutionCall[],
  tuning: Tuning,
  { precision, effort, budgetMilliseconds, now, onBucket }: TuneOptions,
): Promise<TuneResult> {
  const started = now();
  const work = new Map<string, { call: ConvolutionCall; pixels: number }>();
  for (const call of calls) {
    const bucket = bucketOf(call, precision);
    const pixels = (work.get(bucket)?.pixels ?? 0) + imageSize(call.input) * call.outChannels;
    work.set(bucket, { call, pixels });
  }
  const unknown = [...work].filter(([, { call }]) => tuning.entryOf(call, precision) === undefined);
  unknown.sort(([, a], [, b]) => b.pixels - a.pixels);
  const refused: Refusal[] = [];
  let timed = 0;
  for (const [bucket, { call }] of unknown) {
    if (timed > 0 && now() - started > budgetMilliseconds) break;
    onBucket?.(timed, unknown.length, bucket);
    const candidates = tuning.candidates(call, precision);
    const errors = await errorsOf(device, call, candidates, precision);
    for (const [variant, outcome] of errors) {
      if (!(outcome.error <= limits[precision])) refused.push({ bucket, variant, ...outcome });
    }
    const verified = candidates.filter((variant) => (errors.get(variant)?.error ?? Number.NaN) <= limits[precision]);
    const wanted = effort === "full" ? verified : verified.filter((variant) => variant !== "plain");
    // The plain one is never refused: the others are compared with it.
    const chosen = wanted.length === 0 ? (["plain"] as const) : wanted;
    const times = await timesOf(device, call, chosen, precision, effort === "full" ? 9 : 3, now);
    const variants = Object.fromEntries(
      [...times].map(([variant, milliseconds]) => [variant, { milliseconds, error: errors.get(variant)?.error ?? 0 }]),
    );
    const sources = sourceHash(call, candidates, device.workgroupMemory);
    tuning.keep(call, precision, { sources, fastest: fastestOf(times), variants });
    timed++;
  }
  return { timed, known: work.size - unknown.length, left: unknown.length - timed, refused };
}

/** The first, unless another one is clearly faster. */
function fastestOf(times: ReadonlyMap<ConvolutionVariant, number>): ConvolutionVariant {
  let [fastest, least] = ["plain" as ConvolutionVariant, Number.POSITIVE_INFINITY];
  for (const [variant, time] of times) {
    if (time < (least === Number.POSITIVE_INFINITY ? least : margin * least)) [fastest, least] = [variant, time];
  }
  return fastest;
}

/** Extents that no block divides, small enough for a check; as good for quads as the call's own. */
const smallImage = ({ channels, height, width }: ImageShape): ImageShape => ({
  batch: 2,
  channels,
  height: Math.min(height, 19),
  width: Math.min(width, hasQuads({ width }) ? 20 : 21),
});

/** Relative L2 error of each variant against the plain one; one that does not run is infinitely wrong. */
async function errorsOf(
  device: Device,
  call: ConvolutionCall,
  candidates: readonly ConvolutionVariant[],
  precision: "f32" | "f16",
): Promise<Map<ConvolutionVariant, Pick<Refusal, "error" | "failure">>> {
  const small = { ...call, input: smallImage(call.input) };
  const buffers = TrialBuffers.random(device, small, precision);
  const results = new Map<ConvolutionVariant, Float64Array | string>();
  try {
    for (const variant of candidates) {
      try {
        const trial = await buffers.trial(variant);
        await trial.kernel.run();
        results.set(variant, await trial.result());
        trial.destroy();
      } catch (error) {
        device.checkAlive();
        if (variant === "plain") throw error;
        results.set(variant, error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    buffers.destroy();
  }
  const plain = results.get("plain") as Float64Array;
  return new Map(
    [...results].map(([variant, result]) => [
      variant,
      typeof result === "string"
        ? { error: Number.POSITIVE_INFINITY, failure: result }
        : { error: relativeError(result, plain) },
    ]),
  );
}

function relativeError(result: Float64Array, reference: Float64Array): number {
  let [difference, norm] = [0, 0];
  reference.forEach((value, i) => {
    difference += (value - (result[i] as number)) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}

/** Median milliseconds of each variant, in turn. */
async function timesOf(
  device: Device,
  call: ConvolutionCall,
  variants: readonly ConvolutionVariant[],
  precision: "f32" | "f16",
  rounds: number,
  now: () => number,
): Promise<Map<ConvolutionVariant, number>> {
  const buffers = TrialBuffers.empty(device, call, precision);
  const trials: { variant: ConvolutionVariant; trial: Trial; repeats: number; samples: number[] }[] = [];
  const sample = async ({ kernel }: Trial, repeats: number): Promise<number> => {
    const started = now();
    await kernel.run(repeats);
    return (now() - started) / repeats;
  };
  try {
    for (const variant of variants) {
      const trial = await buffers.trial(variant);
      await trial.kernel.run(); // the driver compiles
      const once = await sample(trial, 1);
      trials.push({ variant, trial, repeats: Math.max(1, Math.min(64, Math.ceil(sampleLength / once))), samples: [] });
    }
    for (let round = 0; round < rounds; round++) {
      for (const { trial, repeats, samples } of trials) samples.push(await sample(trial, repeats));
    }
  } finally {
    for (const { trial } of trials) trial.destroy();
    buffers.destroy();
  }
  return new Map(
    trials.map(({ variant, samples }) => {
      const sorted = samples.sort((a, b) => a - b);
      return [variant, sorted[Math.floor(sorted.length / 2)] as number];
    }),
  );
}
