import { expect } from "vitest";
import { deviceOfFile, testFixtures } from "./testing.js";

// Networks of other blocks are made of the operations of "ops", which are checked in f16 here too.
testFixtures(deviceOfFile(), { precision: "f16" }, "reference", (checks) => {
  // They are of f16: gradients are as far off as its roundings, not as those of f32.
  const gradients = checks.filter(({ tensor }) => tensor === "gradients L2");
  expect(gradients.length).toBeGreaterThanOrEqual(3);
  for (const { error } of gradients) expect(error).toBeGreaterThan(1e-4);
});
