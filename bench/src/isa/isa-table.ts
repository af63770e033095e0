import { fitText } from "@lobule/data";
import { cyclesByWork, type IsaResult, type IsaRow } from "./isa-bench.js";

const percent = (part: number, whole: number): string => `${((100 * part) / Math.max(whole, 1)).toFixed(0)} %`;
const millions = (value: number): string => (value / 1e6).toFixed(1);

const columns: readonly (readonly [head: string, width: number, cell: (row: IsaRow, total: number) => string])[] = [
  ["runs", 4, ({ dispatches }) => String(dispatches)],
  ["share", 6, ({ cycles }, total) => percent(cycles, total)],
  ["GFLOP", 6, ({ flops }) => (flops / 1e9).toFixed(1)],
  ["VGPRs", 5, ({ vectorRegisters }) => String(vectorRegisters)],
  ["spills", 6, ({ spills }) => String(spills)],
  ["occ.", 4, ({ occupancy }) => String(occupancy)],
  ["vector", 6, ({ loop }) => String(loop.vector)],
  ["madd", 5, ({ loop }) => percent(loop.multiplyAdds, loop.vector)],
  ["memory", 6, ({ loop }) => String(loop.memory)],
  ["shared", 6, ({ loop }) => String(loop.workgroupMemory)],
  ["trips", 7, ({ trips: [least, most] }) => [...new Set([least, most].map((each) => each.toFixed(0)))].join("-")],
  ["cycles", 8, ({ cyclesByInvocation }) => cyclesByInvocation.toFixed(0)],
  ["by madd", 7, ({ flops, cyclesByMultiplyAdd }) => (flops > 0 ? cyclesByMultiplyAdd.toFixed(2) : "")],
  ["latency", 7, ({ flops, latencyByMultiplyAdd }) => (flops > 0 ? latencyByMultiplyAdd.toFixed(1) : "")],
];

/** The kernels, those first that take the most cycles. Instructions are those of the loop that computes. */
export function isaTable({ family, rows }: IsaResult): string {
  const total = rows.reduce((sum, { cycles }) => sum + cycles, 0);
  const line = (name: string, cells: readonly string[]): string =>
    [fitText(name, 44).padEnd(44), ...cells.map((cell, i) => cell.padStart(columns[i]?.[1] ?? 0))].join(" ");
  return [
    `Estimates of Mesa's compiler for ${family}, not times. vector to shared: instructions of the loop that computes, once through.`,
    line(
      "",
      columns.map(([head]) => head),
    ),
    ...rows.map((row) =>
      line(
        row.labels.join(", "),
        columns.map(([, , cell]) => cell(row, total)),
      ),
    ),
    "",
    `${"million cycles of a SIMD unit".padEnd(44)} ${"".padStart(10)}`,
    ...[...cyclesByWork(rows)].map(([work, cycles]) => `${work.padEnd(44)} ${millions(cycles).padStart(10)}`),
    `${"all".padEnd(44)} ${millions(total).padStart(10)}`,
  ].join("\n");
}
