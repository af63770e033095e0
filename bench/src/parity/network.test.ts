import { expect, test } from "vitest";
import { FixtureError } from "./fixture-files.js";
import { specIn } from "./network.js";

test.each([
  [{ skip: "concatt" }, "net/info.json: 'network.skip' needs one of "],
  [{ depht: 2 }, "net/info.json: 'network.depht' is no setting"],
  ["unet", "net/info.json: 'network' needs "],
])("a network of %j that cannot be built is refused in one sentence", (network, message) => {
  const refused = () => specIn({ network }, "net/info.json");
  expect(refused).toThrow(FixtureError);
  expect(refused).toThrow(message);
  expect(refused).not.toThrow(/\n|Invalid/);
});

test("without a network in info.json it is the reference network", () => {
  expect(specIn({}, "net/info.json")).toEqual(specIn({ network: { preset: "attention-res-unet" } }, "net/info.json"));
});
