import { expect } from "vitest";
import { deviceOfFile, testFixtures } from "./testing.js";

testFixtures(deviceOfFile(), { precision: "f16" }, undefined, (checks) => {
  // They are of f16: gradients are as far off as its roundings, not as those of f32.
  const gradients = checks.filter(({ tensor }) => tensor === "gradients L2");
  expect(gradients.length).toBeGreaterThan(5);
  for (const { error } of gradients) expect(error).toBeGreaterThan(1e-4);
});
