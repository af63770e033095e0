import { textWidth } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { barLine } from "./progress.js";
import { clock, partsInLines, wrapLine } from "./text.js";

describe("a line of progress", () => {
  test("names time left first, and shows as much of the rest as fits", () => {
    const details = ["left: epoch 1:23, run 1:02:03", "loss 0.512", "Dice 0.91 0.44", "12.3 slices/s"];
    expect(barLine("epoch 2/12", 30, 120, details, 77)).toBe(
      "epoch 2/12 ■■■■──────────── 30/120  left: epoch 1:23, run 1:02:03  loss 0.512",
    );
  });

  test("is never wider than it may be, and cuts nothing", () => {
    const details = fc.array(fc.string({ maxLength: 30 }), { maxLength: 6 });
    fc.assert(
      fc.property(details, fc.nat(5000), fc.integer({ min: 40, max: 120 }), (parts, done, width) => {
        const line = barLine("epoch 100/100", done, 5000, parts, width);
        expect(textWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

test("clock", () => {
  expect([0, 7.4, 750, 3723].map(clock)).toEqual(["0:00", "0:07", "12:30", "1:02:03"]);
});

test("a line is broken between words, and a command in it is not", () => {
  const command = `\`lobule train --resume ${"x".repeat(60)}\``;
  expect(wrapLine(`everything so far is saved. Go on with: ${command}`, 80)).toEqual([
    "everything so far is saved. Go on with:",
    `  ${command}`,
  ]);
  expect(wrapLine(`  ${"word ".repeat(20).trim()}`, 40).every((line) => line.length <= 40)).toBe(true);
});

test("parts stay whole on lines of 80 columns", () => {
  const parts = Array.from({ length: 8 }, (_, i) => `part ${i} ${"x".repeat(12)}`);
  const lines = partsInLines(parts, "    ");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.join("  ").match(/part \d x{12}/g)).toEqual(parts);
});
