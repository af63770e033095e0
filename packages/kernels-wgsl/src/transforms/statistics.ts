import type { Reduction } from "../contract/kernel.js";
import type { SlotText } from "../contract/slots.js";

/**
 * The statistics slot: sums by channel of what a kernel stores, taken while the values are still in registers.
 *
 * A file that has it defines two constants and three functions that do nothing by default:
 *
 *     const LANES: u32 = 64;          invocations that store a channel: the whole workgroup, of 64 in every such file
 *     const CHANNEL_BLOCK: u32 = 8;   channels that one workgroup stores
 *     struct Statistics { count: f32, shift: f32, first: f32, second: f32 }
 *     fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32) {}
 *     fn keepStatistics(s: Statistics, block: u32, lane: u32) {}
 *     fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {}
 *
 * Each invocation calls `addToStatistics` for every element that it stores of a channel, then `keepStatistics` with the
 * channel's index in the block; then all invocations together call `writeStatistics` once (it holds barriers).
 * `workgroup` is the index among those that share the channels, `channels` the number of all channels.
 *
 * With the parallel reduction a workgroup sums over its invocations, with the others a subgroup or an invocation writes a
 * partial result of its own, without a barrier, so that there are more of them ({@link partialsPerWorkgroup}).
 *
 * A file that stores quads, four pixels of a row at a time (see contract/slots.ts), has `addQuadToStatistics(s, channel, value:
 * vec4f, y, quad, place)` in place of `addToStatistics`.
 *
 * A file in which the invocations of a workgroup store different channels has fewer LANES and more channels in its block,
 * and lets `lane` be the index among those that share a channel; one who writes nothing passes CHANNEL_BLOCK as `lane`. It
 * is for the parallel reduction only and says so (`statistics.only`).
 *
 * The result is `partials` × channels of vec4f: (count, mean, Σ (value − mean)², 0) for moments, where mean is that
 * of the partial, and (count, Σ value, Σ second, 0) for sums. The order of every sum is fixed.
 */
const partialResults = { parallel: 1, subgroup: 8, serial: 64 } as const;

/** Partial results that a workgroup writes. */
export const partialsPerWorkgroup = (reduction: Reduction): number => partialResults[reduction];

const keep = (value: string, reduction: Reduction): string => {
  const [memory, place] =
    reduction === "parallel"
      ? ["var<workgroup> keptStatistics: array<vec3f, LANES * CHANNEL_BLOCK>;", "block * LANES + lane"]
      : ["var<private> keptStatistics: array<vec3f, CHANNEL_BLOCK>;", "block"];
  return `${memory}
fn keepStatistics(s: Statistics, block: u32, lane: u32) {
  keptStatistics[${place}] = ${value};
}`;
};

const writers: Readonly<Record<Reduction, string>> = {
  // In two stages: PARTS invocations merge a part of a channel's results each, and each writes only what it alone reads; then
  // one merges theirs. The loops over rounds run once where the block has at most as many channels as there are invocations;
  // their ends are constants, so that compilers see it.
  parallel: `const PARTS: u32 = clamp(LANES / CHANNEL_BLOCK, 1u, 8u);
fn mergeKept(first: u32, count: u32, step: u32) -> vec3f {
  var total = vec3f();
  for (var i = 0u; i < count; i++) { total = mergeStatistics(total, keptStatistics[first + i * step]); }
  return total;
}
fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {
  workgroupBarrier();
  for (var round = 0u; round < (CHANNEL_BLOCK * PARTS + LANES - 1u) / LANES; round++) {
    let i = round * LANES + lane;
    if (i < CHANNEL_BLOCK * PARTS) {
      let first = i / PARTS * LANES + i % PARTS;
      keptStatistics[first] = mergeKept(first, LANES / PARTS, PARTS);
    }
  }
  workgroupBarrier();
  for (var round = 0u; round < (CHANNEL_BLOCK + LANES - 1u) / LANES; round++) {
    let block = round * LANES + lane;
    if (block < CHANNEL_BLOCK && firstChannel + block < channels) {
      statistics[workgroup * channels + firstChannel + block] = vec4f(mergeKept(block * LANES, PARTS, 1u), 0.0);
    }
  }
}`,
  // Each invocation writes the sums of one channel.
  subgroup: `fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {
  let place = lane % 8u;
  var mine = vec3f();
  for (var block = 0u; block < CHANNEL_BLOCK; block++) {
    var total = keptStatistics[block];
    total = mergeStatistics(total, subgroupShuffle(total, place ^ 1u));
    total = mergeStatistics(total, subgroupShuffle(total, place ^ 2u));
    total = mergeStatistics(total, subgroupShuffle(total, place ^ 4u));
    mine = select(mine, total, place == block);
  }
  if (place < CHANNEL_BLOCK && firstChannel + place < channels) {
    statistics[(workgroup * 8u + lane / 8u) * channels + firstChannel + place] = vec4f(mine, 0.0);
  }
}`,
  serial: `fn writeStatistics(lane: u32, workgroup: u32, firstChannel: u32, channels: u32) {
  let first = (workgroup * LANES + lane) * channels + firstChannel;
  for (var block = 0u; block < CHANNEL_BLOCK && firstChannel + block < channels; block++) {
    statistics[first + block] = vec4f(keptStatistics[block], 0.0);
  }
}`,
};

const write = (merge: string, reduction: Reduction): string =>
  `fn mergeStatistics(a: vec3f, b: vec3f) -> vec3f {
  ${merge}
}
${writers[reduction]}`;

/** What the text of a reduction asks of the language. */
const enables = (reduction: Reduction): readonly "subgroups"[] => (reduction === "subgroup" ? ["subgroups"] : []);

const binding = "var<storage, read_write> statistics: array<vec4f>;";

const addPixel =
  "fn addToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: f32, y: u32, x: u32, pixel: u32)";
const addQuad =
  "fn addQuadToStatistics(s: ptr<function, Statistics>, channel: OutputChannel, value: vec4f, y: u32, quad: u32, place: u32)";

/**
 * Count, sum and sum of squared distances from the mean. Each invocation shifts by its first value, and partials are
 * merged by the pairwise formula, so that a mean far from zero costs no digits.
 * Source: Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance".
 */
export const momentsSlot = (reduction: Reduction, quads = false): SlotText => ({
  bindings: [binding],
  enables: enables(reduction),
  definitions: {
    ...(quads
      ? {
          addQuadToStatistics: `${addQuad} {
  if ((*s).count == 0.0) { (*s).shift = value.x; }
  let distance = value - (*s).shift;
  (*s).count += 4.0;
  (*s).first += dot(distance, vec4f(1.0));
  (*s).second += dot(distance, distance);
}`,
        }
      : {
          addToStatistics: `${addPixel} {
  if ((*s).count == 0.0) { (*s).shift = value; }
  let distance = value - (*s).shift;
  (*s).count += 1.0;
  (*s).first += distance;
  (*s).second += distance * distance;
}`,
        }),
    keepStatistics: keep(
      "vec3f(s.count, s.shift + s.first / max(s.count, 1.0), s.second - s.first * s.first / max(s.count, 1.0))",
      reduction,
    ),
    // The share is 0 or 1 where one of them is empty: the result is then exactly the other.
    writeStatistics: write(
      `let count = a.x + b.x;
  let distance = b.y - a.y;
  let share = b.x / max(count, 1.0);
  return vec3f(count, a.y + distance * share, a.z + b.z + distance * distance * a.x * share);`,
      reduction,
    ),
  },
});

/**
 * Count, Σ value and Σ second, where `second` is a WGSL expression of the parameters of `addToStatistics`, or with `quads` a
 * vec4f of those of `addQuadToStatistics`; statements that it needs go before it.
 */
export function sumsSlot(second: string, reduction: Reduction, statements = "", quads = false): SlotText {
  return {
    bindings: [binding],
    enables: enables(reduction),
    definitions: {
      ...(quads
        ? {
            addQuadToStatistics: `${addQuad} {
  ${statements}
  (*s).count += 4.0;
  (*s).first += dot(value, vec4f(1.0));
  (*s).second += dot(${second}, vec4f(1.0));
}`,
          }
        : {
            addToStatistics: `${addPixel} {
  ${statements}
  (*s).count += 1.0;
  (*s).first += value;
  (*s).second += ${second};
}`,
          }),
      keepStatistics: keep("vec3f(s.count, s.first, s.second)", reduction),
      writeStatistics: write("return a + b;", reduction),
    },
  };
}
