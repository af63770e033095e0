import { PNG } from "pngjs";
import { describe, expect, test } from "vitest";
import { drawSlice, montage, outlineColours, type SliceView } from "./slice-picture.js";

/** A slice with a square of one label in the middle of each map. */
function view(size: number, changes: Partial<SliceView> = {}): SliceView {
  const image = Float32Array.from({ length: size * size }, (_, i) => (i % size) / size);
  return { image, width: size, height: size, ...changes };
}

/** A map of labels: `label` in columns `from`..`to` − 1 and rows likewise. */
const square = (size: number, from: number, to: number, label = 1): Uint8Array =>
  Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [i % size, Math.floor(i / size)];
    return x >= from && x < to && y >= from && y < to ? label : 0;
  });

const decode = (bytes: Uint8Array): PNG => PNG.sync.read(Buffer.from(bytes));

const colourAt = ({ data, width }: PNG, x: number, y: number): number[] => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3),
];

/** How many pixels have just this colour. */
function count(picture: PNG, colour: readonly number[]): number {
  let n = 0;
  for (let i = 0; i < picture.width * picture.height; i++) {
    if (colour.every((value, k) => picture.data[4 * i + k] === value)) n++;
  }
  return n;
}

describe("a slice", () => {
  test("without labels is its grey values, clipped to black and white, NaN black", () => {
    const image = Float32Array.of(-1, 0.5, 2, Number.NaN);
    const picture = decode(drawSlice({ image, width: 2, height: 2 }, 2));
    expect([0, 1, 2, 3].map((i) => picture.data[4 * i])).toEqual([0, 128, 255, 0]);
    expect(colourAt(picture, 1, 0)).toEqual([128, 128, 128]);
  });

  test("has its longer edge at the size asked for, in the aspect ratio of the spacing", () => {
    const wide = { image: new Float32Array(8), width: 4, height: 2 };
    const size = (bytes: Uint8Array): number[] => [decode(bytes).width, decode(bytes).height];
    expect(size(drawSlice(wide, 100))).toEqual([100, 50]);
    expect(size(drawSlice({ ...wide, spacing: [1, 4] }, 100))).toEqual([50, 100]);
    expect(size(drawSlice(wide))).toEqual([448, 224]);
  });

  test("is outlined along the border of its labels, by truth and prediction in their colours, white where both agree", () => {
    const size = 40;
    const truth = square(size, 10, 20);
    const only = decode(drawSlice(view(size, { truth }), 400));
    // The lower edge of the square is at pixel 200; the line is two pixels wide.
    for (const y of [199, 200]) expect(colourAt(only, 150, y)).toEqual([...outlineColours.truth]);
    for (const y of [197, 202]) expect(colourAt(only, 150, y)).not.toEqual([...outlineColours.truth]);
    expect(count(only, outlineColours.truth)).toBe(4 * 2 * 100);
    expect(count(only, outlineColours.prediction)).toBe(0);

    const shifted = decode(drawSlice(view(size, { truth, prediction: square(size, 12, 22) }), 400));
    expect(colourAt(shifted, 110, 100)).toEqual([...outlineColours.truth]);
    expect(colourAt(shifted, 210, 220)).toEqual([...outlineColours.prediction]);
    const agreed = decode(drawSlice(view(size, { truth, prediction: truth }), 400));
    expect(count(agreed, outlineColours.both)).toBe(4 * 2 * 100);
    expect(count(agreed, outlineColours.truth)).toBe(0);
  });

  test("has the higher classes dashed, on slanted borders too", () => {
    const size = 40;
    const slanted = (label: number): Uint8Array =>
      Uint8Array.from({ length: size * size }, (_, i) => (i % size > Math.floor(i / size) ? label : 0));
    for (const labels of [(label: number) => square(size, 10, 30, label), slanted]) {
      const drawn = (label: number): number =>
        count(decode(drawSlice(view(size, { truth: labels(label) }), 400)), outlineColours.truth);
      expect(drawn(2)).toBeGreaterThan(0.4 * drawn(1));
      expect(drawn(2)).toBeLessThan(0.75 * drawn(1));
    }
  });

  test("has no outline where an organ is cut off by the edge of the picture", () => {
    const truth = new Uint8Array(16 * 16).fill(1);
    expect(count(decode(drawSlice(view(16, { truth }), 320)), outlineColours.truth)).toBe(0);
  });

  test("gives the same bytes each time", () => {
    const slice = view(32, { truth: square(32, 4, 9) });
    expect(drawSlice(slice)).toEqual(drawSlice(slice));
  });

  test.each<[why: string, slice: SliceView, edge: number, message: RegExp]>([
    ["an image too short", { ...view(4), image: new Float32Array(3) }, 4, /4 × 4 needs 16 values, its image has 3/],
    ["labels too long", view(4, { truth: new Uint8Array(17) }), 4, /its truth has 17/],
    ["no extent", { image: new Float32Array(), width: 0, height: 4 }, 4, /whole extents from 1, got 0 × 4/],
    ["a spacing of zero", view(4, { spacing: [1, 0] }), 4, /two positive numbers, got 1 and 0/],
    ["too large an edge", view(4), 5000, /1 to 4096 pixels, got 5000/],
  ])("%s is refused", (_, slice, edge, message) => {
    expect(() => drawSlice(slice, edge)).toThrow(RangeError);
    expect(() => drawSlice(slice, edge)).toThrow(message);
  });
});

describe("a montage", () => {
  const tiles = (n: number): SliceView[] => Array.from({ length: n }, () => view(8));

  test("puts tiles side by side in rows, with gaps, and no wider than there are tiles", () => {
    const { width, height } = decode(montage(tiles(5), 3));
    expect([width, height]).toEqual([3 * 256 + 2 * 2, 2 * 256 + 2]);
    expect(decode(montage(tiles(2), 6)).width).toBe(2 * 256 + 2);
  });

  test("has the second tile where the second column begins", () => {
    const white = { ...view(8), image: new Float32Array(64).fill(1) };
    const picture = decode(montage([white, { ...white, image: new Float32Array(64) }, white], 2));
    expect(colourAt(picture, 10, 10)).toEqual([255, 255, 255]);
    expect(colourAt(picture, 268, 10)).toEqual([0, 0, 0]);
    expect(colourAt(picture, 10, 268)).toEqual([255, 255, 255]);
  });

  test("fits its cells to slices that are not square", () => {
    const { width, height } = decode(montage([{ ...view(8), spacing: [1, 4] }], 1));
    expect([width, height]).toEqual([64, 256]);
  });

  test("shrinks its tiles to stay within 4096 pixels, and refuses more than can be seen", () => {
    const { width, height } = decode(montage(tiles(40), 20));
    expect(width).toBeLessThanOrEqual(4096);
    expect(height).toBe(2 * 202 + 2);
    expect(() => montage(tiles(200), 200)).toThrow(/200 slices in 200 columns leave 18 pixels .* show fewer/);
    expect(() => montage([], 4)).toThrow(/no slices to show/);
    expect(() => montage(tiles(1), 0)).toThrow(/whole number from 1, got 0/);
  });

  test("shows the number of a slice in its corner, white on black", () => {
    const grey = { ...view(8), image: new Float32Array(64).fill(0.5), number: 17 };
    const picture = decode(montage([grey], 1));
    const dots = Array.from({ length: 7 }, (_, row) =>
      Array.from({ length: 9 }, (_, column) => (colourAt(picture, 2 * column, 2 * row)[0] === 255 ? "#" : ".")).join(
        "",
      ),
    );
    expect(dots).toEqual([".........", "..#..###.", ".##....#.", "..#....#.", "..#....#.", ".###...#.", "........."]);
    expect(colourAt(picture, 40, 40)).toEqual([128, 128, 128]);
  });
});
