import { expect, test } from "vitest";
import { estimate } from "./estimate.js";
import { parseMachineCode } from "./machine-code.js";

const clocks = (count: number, line: string): string => `\t(  ${count} clk)   ${line}\n`;
const head = (name: string, from: string): string =>
  `${name}\n/* logical preds: ${from}/ linear preds: ${from}/ kind: uniform, */\n`;
const multiplyAdd = clocks(1, "v27 = v_fmac_f32 s34, v75, v27");
const address = clocks(2, "v1 = v_lshlrev_b32 2, v10");
const load = clocks(1, "v2 = buffer_load_dword s[8-11], v10, 0 offen storage:buffer");
const keep = clocks(1, "ds_write_b32 v1, v2");
const scalar = clocks(3, "s6, scc = s_add_u32 s6, s7");

/** A loop of two multiply-adds between a first and a last block. */
const loopCode = [
  head("BB0", ""),
  scalar,
  head("BB1", "BB0, BB2, "),
  load,
  head("BB2", "BB1, "),
  multiplyAdd.repeat(2),
  head("BB9", "BB1, "),
  address,
  keep,
  "\nnum_waves: 4\nvalu_usage: 8510.000000\n",
].join("");

test("instructions are counted by kind, results and all", () => {
  const { blocks, subgroups } = parseMachineCode(loopCode, { wide: true, pairs: true });
  expect(subgroups).toBe(4);
  expect(blocks).toEqual([
    { vector: 0, multiplyAdds: 0, memory: 0, workgroupMemory: 0, latency: 3, issue: 0 },
    { vector: 0, multiplyAdds: 0, memory: 1, workgroupMemory: 0, latency: 1, issue: 0 },
    { vector: 2, multiplyAdds: 2, memory: 0, workgroupMemory: 0, latency: 2, issue: 2 },
    { vector: 1, multiplyAdds: 0, memory: 0, workgroupMemory: 1, latency: 3, issue: 2 },
  ]);
});

test.for([
  ["64 invocations on units that issue in pairs", { wide: true, pairs: true }, 3],
  ["64 invocations on units that do not", { wide: true, pairs: false }, 4],
  ["32 invocations", { wide: false, pairs: true }, 2],
] as const)("cycles of issue: %s", ([, units, cycles]) => {
  const [block] = parseMachineCode(`${head("BB0", "")}${multiplyAdd}${address}`, units).blocks;
  expect(block?.issue).toBe(cycles);
});

test("integer products are no multiply-adds", () => {
  const text = `${head("BB0", "")}${clocks(1, "v3 = v_mad_u32_u24 v1, v2, v3")}${clocks(1, "v3 = v_pk_fma_f16 v1, v2, v3")}`;
  expect(parseMachineCode(text, { wide: true, pairs: true }).blocks[0]).toMatchObject({ vector: 2, multiplyAdds: 1 });
});

test("a block that a later one leads to begins a loop", () => {
  expect(parseMachineCode(loopCode, { wide: true, pairs: true }).loops).toEqual([{ first: 1, last: 2 }]);
});

test("the loop runs as often as the multiply-adds ask for", () => {
  const code = parseMachineCode(loopCode, { wide: true, pairs: true });
  const { loop, trips, cycles } = estimate(code, 100);
  expect(loop).toMatchObject({ multiplyAdds: 2, memory: 1 });
  expect(trips).toBe(50);
  // 50 × 2 multiply-adds and an address; waiting, 156 cycles, is shared by four subgroups.
  expect(cycles).toBe(102);
});

test("waiting counts where the other subgroups cannot hide it", () => {
  const slow = loopCode.replace("(  1 clk)   v2 = buffer_load", "( 30 clk)   v2 = buffer_load");
  expect(estimate(parseMachineCode(slow, { wide: true, pairs: true }), 100).cycles).toBe((50 * 32 + 6) / 4);
});

test.for([
  ["the same multiply-adds", 40],
  ["one more, which the compiler made of a sum", 41],
] as const)("of two copies of a loop the cheaper one runs: %s", ([, multiplyAdds]) => {
  const inside = loopCode.replace(multiplyAdd.repeat(2), multiplyAdd.repeat(40));
  const border = [head("BB3", "BB1, BB4, "), address, head("BB4", "BB3, "), multiplyAdd.repeat(multiplyAdds)].join("");
  const both = inside.replace("BB9\n", `${border}BB9\n`);
  const one = estimate(parseMachineCode(inside, { wide: true, pairs: true }), 1000);
  expect(estimate(parseMachineCode(both, { wide: true, pairs: true }), 1000)).toEqual(one);
});

test("a kernel that multiplies less than its convolution says how often its loop runs", () => {
  const code = parseMachineCode(loopCode, { wide: true, pairs: true });
  expect(estimate(code, 100, { trips: 30 })).toMatchObject({ trips: 30, cycles: 62 });
});

test("a loop around it runs an eighth as often, another one eight times", () => {
  const text = [
    head("BB0", "BB5, "), // 64 / 2 / 8 times
    scalar,
    head("BB1", "BB0, BB1, "),
    multiplyAdd.repeat(2),
    head("BB5", "BB1, "),
    address,
    head("BB6", "BB5, BB6, "),
    address,
    "\nnum_waves: 1\n",
  ].join("");
  const { trips, cycles } = estimate(parseMachineCode(text, { wide: true, pairs: true }), 64);
  expect(trips).toBe(32);
  expect(cycles).toBe(4 * 3 + 32 * 2 + 4 * 2 + 8 * 2);
});
