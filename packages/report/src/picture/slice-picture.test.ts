import { describe, expect, test } from "vitest";
import { colorAt, count, decodeRgb, square, sliceView as view } from "../run/testing.js";
import { colorOfLabel } from "./class-colors.js";
import { drawSlice, type SliceView } from "./slice-picture.js";

describe("a slice", () => {
  test("without labels is its gray values, clipped to black and white, NaN black", () => {
    const image = Float32Array.of(-1, 0.5, 2, Number.NaN);
    const picture = decodeRgb(drawSlice({ image, width: 2, height: 2 }, 2));
    expect([0, 1, 2, 3].map((i) => picture.data[3 * i])).toEqual([0, 128, 255, 0]);
    expect(colorAt(picture, 1, 0)).toEqual([128, 128, 128]);
  });

  test("has its longer edge at the size asked for, in the aspect ratio of the spacing", () => {
    const wide = { image: new Float32Array(8), width: 4, height: 2 };
    const size = (bytes: Uint8Array): number[] => [decodeRgb(bytes).width, decodeRgb(bytes).height];
    expect(size(drawSlice(wide, 100))).toEqual([100, 50]);
    expect(size(drawSlice({ ...wide, spacing: [1, 4] }, 100))).toEqual([50, 100]);
    expect(size(drawSlice(wide))).toEqual([384, 192]);
  });

  test("has each class outlined within its border, in the color of the class, with a dark rim", () => {
    const size = 40;
    const picture = decodeRgb(drawSlice(view(size, { labels: square(size, 10, 20) }), 400));
    const color = colorOfLabel(1);
    // The square has pixels 100 to 199; its outline is two pixels wide.
    for (const y of [198, 199]) expect(colorAt(picture, 150, y)).toEqual([...color]);
    for (const y of [197, 200]) expect(colorAt(picture, 150, y)).not.toEqual([...color]);
    expect(count(picture, color)).toBe(100 * 100 - 96 * 96);
    const plain = decodeRgb(drawSlice(view(size), 400));
    expect(colorAt(picture, 150, 200)[0]).toBeLessThan(colorAt(plain, 150, 200)[0] ?? 0);
    expect(colorAt(picture, 150, 150)).toEqual(colorAt(plain, 150, 150));
  });

  test("tells thirty classes apart, the first ones also in gray: each has a color and a filling of its own", () => {
    const size = 40;
    const drawn = (label: number): string => {
      const picture = decodeRgb(drawSlice(view(size, { labels: square(size, 10, 30, label) }), 200));
      return Buffer.from(picture.data).toString("base64");
    };
    expect(new Set(Array.from({ length: 30 }, (_, i) => drawn(i + 1))).size).toBe(30);
    /** Which pixels within the outline are marked, whatever their color. */
    const filling = (label: number): string => {
      const [marked, plain] = [view(size, { labels: square(size, 10, 30, label) }), view(size)].map((each) =>
        decodeRgb(drawSlice(each, 200)),
      );
      return Array.from({ length: 60 * 60 }, (_, i) => {
        const [x, y] = [70 + (i % 60), 70 + Math.floor(i / 60)];
        return Number(String(marked && colorAt(marked, x, y)) !== String(plain && colorAt(plain, x, y)));
      }).join("");
    };
    const fillings = [1, 2, 3, 4, 5, 6].map(filling);
    expect(new Set(fillings).size).toBe(6);
    expect(fillings[0]).not.toContain("1");
    expect(fillings[1]).toContain("1");
  });

  test("shows a lesion of one pixel in a picture that is smaller than the slice", () => {
    const size = 64;
    const labels = square(size, 10, 50);
    labels[30 * size + 31] = 2;
    expect(count(decodeRgb(drawSlice(view(size, { labels }), 32)), colorOfLabel(2))).toBeGreaterThan(0);
  });

  test("has no outline where an organ is cut off by the edge of the picture", () => {
    const labels = new Uint8Array(16 * 16).fill(1);
    expect(count(decodeRgb(drawSlice(view(16, { labels }), 320)), colorOfLabel(1))).toBe(0);
  });

  test("gives the same bytes each time", () => {
    const slice = view(32, { labels: square(32, 4, 9) });
    expect(drawSlice(slice)).toEqual(drawSlice(slice));
  });

  test.each<[why: string, slice: SliceView, edge: number, message: RegExp]>([
    ["an image too short", { ...view(4), image: new Float32Array(3) }, 4, /4 × 4 needs 16 values, its image has 3/],
    ["labels too long", view(4, { labels: new Uint8Array(17) }), 4, /its labels have 17/],
    ["no extent", { image: new Float32Array(), width: 0, height: 4 }, 4, /whole extents from 1, got 0 × 4/],
    ["a spacing of zero", view(4, { spacing: [1, 0] }), 4, /two positive numbers, got 1 and 0/],
    ["too large an edge", view(4), 5000, /1 to 4096 pixels, got 5000/],
  ])("%s is refused", (_, slice, edge, message) => {
    expect(() => drawSlice(slice, edge)).toThrow(RangeError);
    expect(() => drawSlice(slice, edge)).toThrow(message);
  });
});
