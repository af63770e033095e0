import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runParity } from "./run-parity.js";
import { deviceOfFile, fixtures, testFixtures } from "./testing.js";

const device = deviceOfFile();

testFixtures(device, { fusion: true }, "reference");

test.each([
  ["a folder that is not there", "/no/such/folder", "", "there is no folder '/no/such/folder'"],
  ["a folder without fixtures", fileURLToPath(new URL(".", import.meta.url)), "", "holds no fixtures"],
  ["a filter that fits nothing", fixtures, "conv5x5", "no fixture's path contains 'conv5x5'"],
])("%s is refused in one sentence", async (_, folder, filter, message) => {
  await expect(runParity(device(), folder, { filter })).rejects.toThrow(message);
});
