import { expect, test } from "vitest";
import { isSoftware } from "./suitable-kernels.js";

test("an adapter on the CPU is known as such, also where it is not called a fallback", () => {
  const none = { isFallbackAdapter: false, architecture: "" };
  expect(isSoftware(none)).toBe(false);
  expect(isSoftware({ ...none, architecture: "hopper" })).toBe(false);
  expect(isSoftware({ ...none, isFallbackAdapter: true })).toBe(true);
  expect(isSoftware({ ...none, architecture: "swiftshader" })).toBe(true);
  expect(isSoftware({ ...none, architecture: "software" })).toBe(true);
});
