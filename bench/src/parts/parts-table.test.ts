import { expect, test } from "vitest";
import { usedBytes } from "./card-memory.js";
import { markdownTable, partsTable } from "./parts-table.js";

test("columns are as wide as what they hold, and nothing in a cell ends it", () => {
  expect(
    markdownTable([
      ["", "a step"],
      ["PyTorch | eager", "1"],
      ["x", ""],
    ]),
  ).toBe(
    [
      "|                  | a step |",
      "| ---------------- | ------ |",
      "| PyTorch \\| eager | 1      |",
      "| x                |        |",
    ].join("\n"),
  );
});

test("figures of a part are a row for each subject and a column for each quantity", () => {
  const figure = (subject: string, quantity: string, value: number, unit: string) => ({
    subject,
    quantity,
    value,
    unit,
  });
  const table = partsTable("2026-11-30, an adapter", [
    {
      name: "peers",
      title: "Beside PyTorch",
      command: "lobule bench peers",
      status: "done",
      why: undefined,
      measured: { seconds: 12.34, residentBytes: 3e8, card: { beforeBytes: 1e9, mostBytes: 6e9 }, folderBytes: null },
      figures: [
        { ...figure("Lobule", "a step", 52.91, "ms"), spread: [52, 54.5] },
        figure("PyTorch", "a step", 137.5, "ms"),
        figure("PyTorch", "speed", 2.6, "×"),
      ],
      notes: ["not run: PyTorch AMP: no CUDA"],
      lastLines: [],
    },
  ]);
  expect(table).toContain("| peers | done    | 12.3 s | 300 MB ");
  expect(table).toContain("| 5,000 MB (1,000 MB before)");
  expect(table).toMatch(/\| Lobule +\| 52\.9 ms \(52 to 54\.5\) +\| +\|/);
  expect(table).toMatch(/\| PyTorch +\| 138 ms +\| 2\.6× +\|/);
  expect(table).toContain("- not run: PyTorch AMP: no CUDA");
});

test("what nvidia-smi prints is bytes of the card, line by line; anything else is nothing", () => {
  expect(usedBytes("512\n1024\n")).toEqual([512 * 2 ** 20, 2 ** 30]);
  expect(usedBytes("[N/A]\nNo devices were found\n")).toEqual([]);
});
