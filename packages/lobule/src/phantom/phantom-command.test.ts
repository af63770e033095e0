import { stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { main } from "../index.js";

const exitCode = process.exitCode;
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = exitCode;
});

test.each([
  ["slices", ["5", "4"], "--slices needs the fewest before the most, got 5 4"],
  ["slices", ["4", "2000"], "--slices needs a whole number from 1 up to 1024, got '2000'"],
  ["tumor-diameter", ["9", "8"], "--tumor-diameter needs the least before the greatest, got 9 8"],
  ["tumor-diameter", ["2", "8"], "--tumor-diameter needs a number from 4 up to 60, got '2'"],
])("phantom --%s %j: the option is named, and nothing is written", async (option, words, sentence) => {
  const errors: string[] = [];
  vi.spyOn(console, "error").mockImplementation((text: string) => void errors.push(text));
  const folder = join(tmpdir(), "no-phantom-here");
  await main(["phantom", folder, `--${option}`, ...words]);
  expect(errors.join("\n").replaceAll(/\s+/g, " ")).toContain(sentence);
  expect(process.exitCode).toBe(1);
  await expect(stat(folder)).rejects.toThrow("ENOENT");
});
