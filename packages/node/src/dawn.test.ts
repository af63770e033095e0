import { expect, test } from "vitest";
import { dawnFlags } from "./dawn.js";

test("named toggles of Dawn are turned on besides ours, and those with a - before them off", () => {
  const [on, off] = dawnFlags("disable_robustness,-vulkan_use_s8");
  expect(on).toMatch(/^enable-dawn-features=allow_unsafe_apis,.*,disable_robustness$/);
  expect(off).toBe("disable-dawn-features=timestamp_quantization,vulkan_use_s8");
  expect(dawnFlags("")).not.toContain(",,");
});

test.each(["disable robustness", "a,--b", "enable-dawn-features=x"])("refuses '%s' in one sentence", (wanted) => {
  expect(() => dawnFlags(wanted)).toThrow(/^LOBULE_DAWN_TOGGLES has '.*'; it takes names of Dawn's toggles/);
});
