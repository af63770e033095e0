import { resolveConfig } from "@lobule/train";
import { expect, test } from "vitest";
import { requireEffect } from "./require-effect.js";
import { asConfig, type GivenSetting } from "./train-options.js";

const given = (option: string, keys: string, value: unknown): GivenSetting => ({
  option,
  keys: keys.split("."),
  value,
});
const check =
  (...settings: readonly GivenSetting[]) =>
  () =>
    requireEffect(resolveConfig(null, { data: "d" }, asConfig(settings)), settings);

// What differs from the usual value is refused with the configuration already.
const groups = given("groups", "network.groups", 8);
const signal = given("gating-signal", "network.gatingSignal", "upsampled");
const network = given("network", "network.preset", "unet");
const usual = given("network", "network.preset", "attention-res-unet");

test("options of another network are refused by name", () => {
  expect(check(groups)).toThrow("--groups has no effect with batch normalization; add --norm group");
  expect(check(network, signal)).toThrow("--gating-signal has no effect with the skip 'concat', which has no gates");
  expect(check(usual, given("model", "model", "m.ts"))).toThrow("--network has no effect with a model of your own");
});

test("those of this network are taken", () => {
  expect(check(groups, given("norm", "network.norm", "group"))).not.toThrow();
  expect(check(signal)).not.toThrow();
  expect(check(given("depth", "depth", 2), given("model", "model", "m.ts"))).not.toThrow();
});
