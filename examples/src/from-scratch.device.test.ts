import { expect, test } from "vitest";
import { fitLine } from "./from-scratch.js";

test("the line y = 2x + 1 is found", async () => {
  const { slope, offset, loss } = await fitLine();
  expect(slope).toBeCloseTo(2, 2);
  expect(offset).toBeCloseTo(1, 2);
  expect(loss).toBeLessThan(1e-4);
});
