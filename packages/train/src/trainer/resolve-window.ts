import type { SliceCache, Window } from "@lobule/data";
import { quantile } from "@lobule/metrics";
import { type ChannelSetting, windowsOf } from "./channel-settings.js";
import { ConfigError } from "./config-error.js";
import type { TrainingConfig } from "./config-schema.js";
import { slicesOf } from "./slice-sampling.js";

/** HU of air, and of what scanners put outside their field of view. */
const air = [-4000, -500] as const;
/** The share of voxels that must be air for intensities to be Hounsfield units. */
const leastAir = 0.001;
const hounsfieldWindow = [-160, 240] as const;
/** Slices, and voxels of all of them, that intensities are judged by. */
const [mostSlices, mostVoxels] = [200, 2 ** 20];
/** Share of voxels left out at either end. Source: Isensee et al. 2021, nnU-Net, clips MR and CT alike to these. */
const tail = 0.005;
/** Where fewer voxels are not clipped to the same end, the window is said to show next to nothing. */
const leastShown = 0.001;
/** Of the range of all others, how far away a value may be. */
const farthest = 10;
/** The GPU computes in float32: what a window leaves of its 2^24 steps are 2^13 then. */
const mostDistance = 1024;

/** A channel of the training slices. */
export interface ResolvedChannel {
  readonly index: number;
  /** What is said to be meant, such as "the channel T1"; nothing where images have one. */
  readonly of: string;
  readonly setting: ChannelSetting;
}

/** A window, and what the user should know of how it was chosen. */
export interface ResolvedWindow {
  readonly window: Window;
  readonly notes: readonly string[];
}

/** Some slices of a run. */
interface Source {
  readonly cache: Pick<SliceCache, "cases" | "values">;
  readonly cases: { readonly training: readonly number[] };
}

/** Before any volume is read. @throws ConfigError when float32 cannot resolve the configuration's own window. */
export function checkWindow({ window }: Pick<TrainingConfig, "window">): void {
  for (const each of windowsOf(window)) if (each !== "auto") requireResolvable(each);
}

/**
 * The window of a channel. "auto" is −160..240 HU where the training slices hold air, since data without are no
 * plain Hounsfield units; else see `robustRange`.
 * @throws ConfigError when float32 cannot resolve the range, or no training slice shows anything in the window.
 */
export async function resolveWindow(
  config: Pick<TrainingConfig, "data">,
  source: Source,
  channel: ResolvedChannel,
): Promise<ResolvedWindow> {
  const { setting, of } = channel;
  if (setting.window !== "auto") return shownWindow(config, setting.window, source, channel);
  const sample = await sampleValues(config, source, channel);
  const window = automaticWindow(sample.values);
  if (window === hounsfieldWindow) return shown(config, window, sample, channel);
  requireResolvable(window);
  return {
    window,
    notes: [
      `the training slices hold no air${of}, so their values are no plain Hounsfield units; the window ${brief(window[0])} to ${brief(window[1])} leaves out 0.5 % of their voxels at either end (--window LOW HIGH sets another)`,
    ],
  };
}

/**
 * A window by which the training slices of a run are shown.
 * @throws ConfigError when it shows nothing of them, or they hold one value only.
 */
export const shownWindow = async (
  config: Pick<TrainingConfig, "data">,
  window: Window,
  source: Source,
  channel: ResolvedChannel,
): Promise<ResolvedWindow> => shown(config, window, await sampleValues(config, source, channel), channel);

function shown(
  { data }: Pick<TrainingConfig, "data">,
  window: Window,
  { values, lowest, highest }: Sample,
  { of }: ResolvedChannel,
): ResolvedWindow {
  const [low, high] = window;
  if (highest <= low || lowest >= high) {
    throw new ConfigError(
      `the window ${low} to ${high} shows nothing of ${data}, whose training slices hold values from ${brief(lowest)} to ${brief(highest)}${of}; give another --window LOW HIGH`,
    );
  }
  return { window, notes: notesOnShown(window, values) };
}

/**
 * What "auto" stands for: −160..240 where the values hold air, since those without are no plain Hounsfield units; else
 * `robustRange`.
 * @param sorted rises.
 */
export function automaticWindow(sorted: Float64Array): Window {
  const share = sorted.filter((value) => value >= air[0] && value <= air[1]).length / sorted.length;
  return share >= leastAir ? hounsfieldWindow : robustRange(sorted);
}

/** Outliers and padding alone may be inside the window, or on its other side. */
function notesOnShown([low, high]: Window, sorted: Float64Array): string[] {
  const body = withoutPaddings(sorted);
  const clipped = Math.max(...[body.filter((v) => v <= low), body.filter((v) => v >= high)].map((part) => part.length));
  if (clipped <= (1 - leastShown) * body.length) return [];
  const [from, to] = rangeOf(body);
  return [
    `the window ${low} to ${high} shows next to nothing: ${clipped === body.length ? "all" : "more than 99.9 %"} of the ` +
      `training slices' voxels, padding left out, become the same; 99 % of them are from ${brief(from)} to ` +
      `${brief(to)} (--window LOW HIGH sets another)`,
  ];
}

/**
 * From the 0.5th to the 99.5th percentile of values, padding not counted: values at an end that are further from all
 * others than 10 times the range of those. Where the percentiles are the same, from the lowest to the highest value.
 * @param sorted rises.
 */
export const robustRange = (sorted: Float64Array): Window => rangeOf(withoutPaddings(sorted));

/** Without any values, at either end, that are far from all others. */
function withoutPaddings(sorted: Float64Array): Float64Array {
  let rest = sorted;
  for (let left = withoutPadding(rest); left.length < rest.length; left = withoutPadding(rest)) rest = left;
  return rest;
}

function rangeOf(sorted: Float64Array): Window {
  const [low, high] = [quantile(sorted, tail), quantile(sorted, 1 - tail)];
  return low < high ? [low, high] : [sorted[0] ?? 0, sorted.at(-1) ?? 0];
}

/** Without the lowest or the highest value, if that is far from all others; else the same. */
function withoutPadding(sorted: Float64Array): Float64Array {
  const [lowest = 0, highest = 0] = [sorted[0], sorted.at(-1)];
  const first = sorted.findIndex((value) => value > lowest);
  const end = sorted.findLastIndex((value) => value < highest) + 1;
  for (const [others, gap] of [
    [sorted.subarray(first), (sorted[first] ?? lowest) - lowest],
    [sorted.subarray(0, end), highest - (sorted[end - 1] ?? highest)],
  ] as const) {
    const [low, high] = rangeOf(others);
    if (low < high && gap > farthest * (high - low)) return others;
  }
  return sorted;
}

/** Some values of some training slices, in rising order, and the lowest and highest value of these slices. */
interface Sample {
  readonly values: Float64Array;
  readonly lowest: number;
  readonly highest: number;
}

/** @throws ConfigError when all hold one value. */
async function sampleValues(
  { data }: Pick<TrainingConfig, "data">,
  { cache, cases }: Source,
  { index, of }: ResolvedChannel,
): Promise<Sample> {
  const all = slicesOf(cache.cases, cases.training);
  const step = Math.max(1, all.length / mostSlices);
  const count = Math.ceil(all.length / step);
  const kept: number[] = [];
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < count; at++) {
    const key = all[Math.floor(at * step)];
    if (key === undefined) continue;
    const slice = await cache.values(key, index);
    for (const value of slice) {
      if (value < lowest) lowest = value;
      if (value > highest) highest = value;
    }
    const stride = strideFor(slice.length * count, cache.cases[key.case]?.shape[0] ?? 1);
    for (let i = at % stride; i < slice.length; i += stride) kept.push(slice[i] as number);
  }
  if (!(lowest < highest)) {
    throw new ConfigError(
      `${data}: all training slices hold the value ${lowest} only${of}; give other data or --window LOW HIGH`,
    );
  }
  return { values: Float64Array.from(kept).sort(), lowest, highest };
}

/** So that few enough voxels are taken, and not all of them of the same columns. */
function strideFor(voxels: number, width: number): number {
  const common = (a: number, b: number): number => (b === 0 ? a : common(b, a % b));
  let stride = Math.ceil(voxels / mostVoxels);
  while (common(stride, width) > 1) stride++;
  return stride;
}

/** @throws ConfigError when float32 cannot resolve a window. */
export function requireResolvable([low, high]: Window): void {
  const far = Math.max(Math.abs(low), Math.abs(high));
  if (high - low >= 1e-30 && far <= 1e30 && far <= mostDistance * (high - low)) return;
  throw new ConfigError(
    `the window ${low} to ${high} cannot be resolved in 32-bit floating point: it must be at least 1/${mostDistance} as wide as its ends are far from 0; give a wider --window LOW HIGH, or shift the data`,
  );
}

const brief = (value: number): string => String(Number(value.toPrecision(6)));
