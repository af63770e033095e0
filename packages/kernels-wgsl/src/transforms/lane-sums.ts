import { enable, replaceDefinition, replaceText } from "./wgsl-text.js";

/**
 * Sums over pixels, shared by the invocations of a workgroup or of a subgroup, or made by each for itself.
 *
 * A file whose invocations sum has two constants, an array and four functions; as they stand, a workgroup makes one sum:
 *
 *     const LANES: u32 = 32;   invocations of a workgroup
 *     const KEPT: u32 = 16;    vec4f that an invocation hands over
 *     var<workgroup> kept: array<vec4f, LANES * KEPT>;
 *     struct Share { index: u32, first: u32, step: u32 }   which sum an invocation works on, and which part of it
 *     fn shareOf(workgroup: u32, lane: u32) -> Share
 *     fn keep(place: u32, lane: u32, sums: vec4f)          hands over what it summed
 *     fn settle()                                          all have handed over
 *     fn keptSum(index: u32) -> f32                        one of the 4 · KEPT sums
 *
 * It loops `for (var i = share.first; i < …; i += share.step)` over its part of the work, hands over, settles, and writes
 * with the same loop over the sums. Here each invocation makes a sum by itself instead, without workgroup memory or
 * barriers: for adapters on which invocations run one after another.
 */
export function withSerialSums(source: string): string {
  const text = replaceText(source, /^var<workgroup> kept: .*$/m, "var<private> kept: array<vec4f, KEPT>;");
  const definitions = {
    shareOf: "fn shareOf(workgroup: u32, lane: u32) -> Share { return Share(workgroup * LANES + lane, 0u, 1u); }",
    keep: "fn keep(place: u32, lane: u32, sums: vec4f) { kept[place] = sums; }",
    settle: "fn settle() {}",
    keptSum: "fn keptSum(index: u32) -> f32 { return kept[index / 4u][index % 4u]; }",
  };
  return Object.entries(definitions).reduce(
    (result, [name, definition]) => replaceDefinition(result, "fn", name, definition),
    text,
  );
}

/**
 * The same where the 8 invocations of a subgroup make a sum together: each sums by itself, and hands over its share by
 * shuffles. All of them must take part in each `keep`.
 */
export function withSubgroupSums(source: string): string {
  const definitions = {
    shareOf:
      "fn shareOf(workgroup: u32, lane: u32) -> Share { return Share((workgroup * LANES + lane) / 8u, lane % 8u, 8u); }",
    keep: `fn keep(place: u32, lane: u32, sums: vec4f) {
  var total = sums;
  total += subgroupShuffleXor(total, 1u);
  total += subgroupShuffleXor(total, 2u);
  total += subgroupShuffleXor(total, 4u);
  kept[place] = total;
}`,
  };
  return Object.entries(definitions).reduce(
    (result, [name, definition]) => replaceDefinition(result, "fn", name, definition),
    enable(withSerialSums(source), "subgroups"),
  );
}
