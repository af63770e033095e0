import type { Reduction } from "./kernel.js";
import type { SlotText } from "./slots.js";

/**
 * The statistics slot: sums by channel of what a kernel stores, taken while the values are still in registers.
 *
 * A file that has it defines two constants and three functions that do nothing by default:
 *
 *     const LANES: u32 = 64;          invocations of a workgroup, the same in every such file
 *     const CHANNEL_BLOCK: u32 = 8;   channels that one workgroup stores
 *     struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
 *     fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
 *     fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
 *     fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}
 *
 * Each invocation calls `addToStatistics` for every element that it stored of a channel, then `keepStatistics` with the
 * channel's place in the block; then all invocations together call `writeStatistics` once (it holds a barrier).
 * `workgroup` is the index among those that share the channels, `channels` the number of all channels.
 *
 * With the parallel reduction a workgroup adds its invocations up; with the serial one each writes a partial result of its
 * own, without a barrier, so that there are LANES times as many ({@link partialsPerWorkgroup}).
 *
 * The result is `partials` × channels of vec4f: (count, mean, Σ (value − mean)², 0) for moments, where mean is that
 * of the partial, and (count, Σ value, Σ second, 0) for sums. The order of every sum is fixed.
 */
const workgroupMemory = "var<workgroup> keptStatistics: array<vec3f, LANES * CHANNEL_BLOCK>;";

/** Partial results that a workgroup writes. */
export const partialsPerWorkgroup = (reduction: Reduction): number => (reduction === "serial" ? 64 : 1);

const keep = (value: string, reduction: Reduction): string =>
  reduction === "serial"
    ? `var<private> keptStatistics: array<vec3f, CHANNEL_BLOCK>;
fn keepStatistics(s: Statistics, block: u32, lane: u32) {
  keptStatistics[block] = ${value};
}`
    : `${workgroupMemory}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {
  keptStatistics[block * LANES + lane] = ${value};
}`;

const writeAlone = `fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {
  let first = (workgroup * LANES + lane) * channels + firstChannel;
  for (var block = 0u; block < CHANNEL_BLOCK && firstChannel + block < channels; block++) {
    statistics[first + block] = vec4f(keptStatistics[block], 0.0);
  }
}`;

const write = (combine: string, reduction: Reduction): string =>
  reduction === "serial"
    ? writeAlone
    : `fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {
  workgroupBarrier();
  for (var block = lane; block < CHANNEL_BLOCK; block += LANES) {
    if (firstChannel + block >= channels) { continue; }
    var total = vec3f();
    for (var i = 0u; i < LANES; i++) {
      let part = keptStatistics[block * LANES + i];
      ${combine}
    }
    statistics[workgroup * channels + firstChannel + block] = vec4f(total, 0.0);
  }
}`;

const binding = "var<storage, read_write> statistics: array<vec4f>;";

/**
 * Count, sum and sum of squared distances from the mean. Each invocation shifts by its first value, and partials are
 * merged by the pairwise formula, so that a mean far from zero costs no digits.
 * Source: Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance".
 */
export const momentsSlot = (reduction: Reduction): SlotText => ({
  bindings: [binding],
  definitions: {
    addToStatistics: `fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  if ((*s).count == 0.0) { (*s).shift = value; }
  let distance = value - (*s).shift;
  (*s).count += 1.0;
  (*s).first += distance;
  (*s).second += distance * distance;
}`,
    keepStatistics: keep(
      "vec3f(s.count, s.shift + s.first / max(s.count, 1.0), s.second - s.first * s.first / max(s.count, 1.0))",
      reduction,
    ),
    writeStatistics: write(
      `if (part.x > 0.0) {
        let distance = part.y - total.y;
        let share = part.x / (total.x + part.x);
        total.y += distance * share;
        total.z += part.z + distance * distance * total.x * share;
        total.x += part.x;
      }`,
      reduction,
    ),
  },
});

/**
 * Count, Σ value and Σ second, where `second` is a WGSL expression of `value`, `channel`, `y`, `x`, `pixel`; statements
 * that it needs go before it.
 */
export function sumsSlot(second: string, reduction: Reduction, statements = ""): SlotText {
  return {
    bindings: [binding],
    definitions: {
      addToStatistics: `fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {
  ${statements}
  (*s).count += 1.0;
  (*s).first += value;
  (*s).second += ${second};
}`,
      keepStatistics: keep("vec3f(s.count, s.first, s.second)", reduction),
      writeStatistics: write("total += part;", reduction),
    },
  };
}
