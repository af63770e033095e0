import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { IsaRow } from "./isa-bench.js";
import { checkSameIsa, compareIsa, isaChangeTable, readIsaFile } from "./isa-file.js";

const settings = { preset: "liver", precision: "f32", recompute: false, batch: 32, size: 512 };
const row = (work: string, cycles: number, spills = 0) => ({ work, cycles, spills }) as IsaRow;
const result = (...rows: IsaRow[]) => ({ family: "navi31" as const, rows });

test("kernels that do the same work are compared together, whatever their names", () => {
  const before = { ...result(row("conv3x3 forward", 4e6), row("conv3x3 forward", 2e6), row("adam", 1e6)), settings };
  const comparison = compareIsa(before, result(row("conv3x3 forward", 3e6), row("adam", 1e6), row("new", 1e6)));
  expect(comparison.work).toEqual([
    { name: "conv3x3 forward", before: 6e6, now: 3e6 },
    { name: "adam", before: 1e6, now: 1e6 },
    { name: "all", before: 7e6, now: 5e6 },
  ]);
  expect(comparison.worse).toBe(false);
  expect(isaChangeTable(comparison, "old.json")).toMatch(/conv3x3 forward +6\.0 → +3\.0 {2}2\.00 times fewer\n/);
});

test.each([
  [3e6, "2.00 times fewer"],
  [9e6, "1.50 times more"],
  [6.01e6, "as many"],
])("what became of 6 million cycles that are %d now is said in words: %s", (now, words) => {
  const comparison = compareIsa({ ...result(row("adam", 6e6)), settings }, result(row("adam", now)));
  expect(isaChangeTable(comparison, "old.json")).toMatch(new RegExp(`^adam .* → .*  ${words}$`, "m"));
});

test.for([
  ["more cycles", row("a", 102), true],
  ["as good as none more", row("a", 100.5), false],
  ["fewer cycles but spills", row("a", 90, 3), true],
] as const)("worse than before: %s", ([, now, worse]) => {
  expect(compareIsa({ ...result(row("a", 100)), settings }, result(now)).worse).toBe(worse);
});

test("results of other families or sizes are refused", () => {
  const before = { ...result(), settings };
  expect(() => checkSameIsa(before, { family: "navi21", settings }, "old.json")).toThrow(
    "old.json is of family navi31, this would be of navi21; compare with the same only",
  );
  expect(() => checkSameIsa(before, { family: "navi31", settings: { ...settings, batch: 4 } }, "old.json")).toThrow(
    "old.json is of batch 32, this would be of 4",
  );
});

test("a file is read back, and what is none is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lobule-isa-"));
  const [good, bad] = [join(folder, "good.json"), join(folder, "bad.json")];
  writeFileSync(good, JSON.stringify({ format: "lobule-isa-1", settings, ...result(row("a", 1)) }));
  writeFileSync(bad, JSON.stringify({ format: "lobule-isa-1", settings, family: "navi31", rows: [{ work: "a" }] }));
  expect(await readIsaFile(good)).toEqual({ settings, ...result(row("a", 1)) });
  await expect(readIsaFile(bad)).rejects.toThrow(
    `${bad}: is no result of bench isa; give a file that bench isa --out wrote`,
  );
});
