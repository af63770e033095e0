import { describe, expect, test } from "vitest";
import { colorAt, count, decodeRgb, sliceView as view } from "../run/testing.js";
import { colorOfLabel } from "./class-colors.js";
import { montage } from "./montage.js";
import type { SliceView } from "./slice-picture.js";

describe("a montage", () => {
  const tiles = (n: number): SliceView[] => Array.from({ length: n }, () => view(8));

  test("puts tiles side by side in rows, with gaps, and no wider than there are tiles", () => {
    const { width, height } = decodeRgb(montage(tiles(5), 3));
    expect([width, height]).toEqual([3 * 256 + 2 * 2, 2 * 256 + 2]);
    expect(decodeRgb(montage(tiles(2), 6)).width).toBe(2 * 256 + 2);
  });

  test("has the second tile where the second column begins", () => {
    const white = { ...view(8), image: new Float32Array(64).fill(1) };
    const picture = decodeRgb(montage([white, { ...white, image: new Float32Array(64) }, white], 2));
    expect(colorAt(picture, 10, 10)).toEqual([255, 255, 255]);
    expect(colorAt(picture, 268, 10)).toEqual([0, 0, 0]);
    expect(colorAt(picture, 10, 268)).toEqual([255, 255, 255]);
  });

  test("fits its cells to slices that are not square", () => {
    const { width, height } = decodeRgb(montage([{ ...view(8), spacing: [1, 4] }], 1));
    expect([width, height]).toEqual([64, 256]);
  });

  test("shrinks its tiles to stay within 4096 pixels, and refuses more than can be seen", () => {
    const { width, height } = decodeRgb(montage(tiles(40), 20));
    expect(width).toBeLessThanOrEqual(4096);
    expect(height).toBe(2 * 202 + 2);
    expect(() => montage(tiles(200), 200)).toThrow(/200 slices in 200 columns leave 18 pixels .* show fewer/);
    expect(() => montage([], 4)).toThrow(/no slices to show/);
    expect(() => montage(tiles(1), 0)).toThrow(/whole number from 1, got 0/);
  });

  test("shows the number of a slice in its corner, white on black", () => {
    const gray = { ...view(8), image: new Float32Array(64).fill(0.5), mark: "17" };
    const picture = decodeRgb(montage([gray], 1));
    const dots = Array.from({ length: 9 }, (_, row) =>
      Array.from({ length: 13 }, (_, column) => (colorAt(picture, 2 * column, 2 * row)[0] === 255 ? "#" : ".")).join(
        "",
      ),
    );
    expect(dots).toEqual([
      ".............",
      "...#...#####.",
      "..##.......#.",
      "...#.......#.",
      "...#......#..",
      "...#.....#...",
      "...#....#....",
      "..###..#.....",
      ".............",
    ]);
    expect(colorAt(picture, 40, 40)).toEqual([128, 128, 128]);
  });

  test("has a legend of its classes, a scale and notes below, which the tiles do not shrink for", () => {
    const legend = [
      { label: 1, text: "liver: 1510.2 ml" },
      { label: 2, text: "tumor: nothing found" },
    ];
    const bare = decodeRgb(montage(tiles(3), 3));
    const picture = decodeRgb(montage(tiles(3), 3, { legend, scale: ["0", "0.5", "1"], notes: ["3 of 80 slices"] }));
    expect(picture.width).toBe(bare.width);
    expect(picture.height).toBeGreaterThan(bare.height + 3 * 18);
    const footer = {
      ...picture,
      data: picture.data.subarray(3 * bare.width * bare.height),
      height: picture.height - bare.height,
    };
    for (const label of [1, 2]) expect(count(footer, colorOfLabel(label))).toBeGreaterThan(10);
    expect(count(footer, colorOfLabel(3))).toBe(0);
  });

  test("a name that is longer than the picture is cut, one in letters that it has no glyphs for is drawn as boxes", () => {
    const legend = [{ label: 1, text: `L\u00e4sion \u809d\u81d3 ${"x".repeat(300)}` }];
    expect(decodeRgb(montage(tiles(1), 1, { legend })).width).toBe(256);
  });

  test("captions below a tile widen its cell downwards only", () => {
    const picture = decodeRgb(
      montage([{ ...view(8), caption: ["decoder.0.gate", "8x8, 0.100 to 0.900"] }, view(8)], 2),
    );
    expect([picture.width, picture.height]).toEqual([2 * 256 + 2, 256 + 2 * 24]);
    expect(colorAt(picture, 200, 100)).not.toEqual([0, 0, 0]);
  });
});
