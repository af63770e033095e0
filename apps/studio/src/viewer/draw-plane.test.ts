import { colorOfLabel } from "@lobule/report";
import { expect, test } from "vitest";
import { drawPlane, type Layers, type SliceMap } from "./draw-plane.js";

const layers: Layers = {
  shape: [2, 1, 1],
  data: Int16Array.of(-100, 300),
  window: [-100, 300],
  hidden: new Set(),
  opacity: 1,
};
const drawn = (changes: Partial<Layers> = {}, map?: SliceMap) => {
  const pixels = new Uint8ClampedArray(8);
  drawPlane(pixels, "axial", [0, 0, 0], { ...layers, ...changes }, map);
  return [[...pixels.subarray(0, 4)], [...pixels.subarray(4)]];
};

test("the window's ends are black and white; the patient's right is on the left", () => {
  expect(drawn()).toEqual([
    [255, 255, 255, 255],
    [0, 0, 0, 255],
  ]);
  expect(drawn({ window: [0, 100] })).toEqual([
    [255, 255, 255, 255],
    [0, 0, 0, 255],
  ]);
});

test("a label has its color as far as the opacity goes, unless its class is hidden", () => {
  const labels = Uint8Array.of(0, 1);
  expect(drawn({ labels })[0]).toEqual([...colorOfLabel(1), 255]);
  expect(drawn({ labels, opacity: 0 })[0]).toEqual([255, 255, 255, 255]);
  expect(drawn({ labels, hidden: new Set([1]) })[0]).toEqual([255, 255, 255, 255]);
});

test("a map is drawn over its own slice alone", () => {
  const values = Float32Array.of(1, 0);
  expect(drawn({}, { slice: 0, values })[1]).toEqual([140, 140, 11, 255]);
  expect(drawn({}, { slice: 1, values })[1]).toEqual([0, 0, 0, 255]);
});
