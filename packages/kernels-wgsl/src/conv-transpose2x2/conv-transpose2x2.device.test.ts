import { expect, test } from "vitest";
import { testConvolution } from "../testing/convolution-tests.js";
import { convTranspose2x2Family, convTranspose2x2QuadFamily } from "./conv-transpose2x2.cases.js";
import { convTranspose2x2Reference } from "./conv-transpose2x2.reference.js";

testConvolution(convTranspose2x2Family);
testConvolution(convTranspose2x2QuadFamily);

test("the reference spreads each pixel over 2 × 2", () => {
  const shape = { batch: 1, channels: 1, height: 1, width: 2 };
  expect([...convTranspose2x2Reference([1, 10], shape, [1, 2, 3, 4], 1)]).toEqual([1, 2, 10, 20, 3, 4, 30, 40]);
});
