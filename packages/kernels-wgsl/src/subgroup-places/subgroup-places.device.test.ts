import { expect, test } from "vitest";
import { testDevice } from "../testing/device.js";
import { runKernel } from "../testing/runner.js";
import { isSubgroupOfEight, subgroupPlaces, subgroupPlacesLength } from "./subgroup-places.js";

/** What an adapter writes whose subgroups hold `size` invocations side by side. */
function placesOf(size: number): Uint32Array {
  const places = new Uint32Array(subgroupPlacesLength);
  for (let index = 0; index < places.length / 4; index++) {
    const lane = index % 64;
    const takes = Math.floor(lane / 8) % 2 === Math.floor(index / 64) % 2;
    const neighbor = takes ? lane - (lane % size) + ((lane + 7) % 8) : 1000;
    places.set([size, lane % size, neighbor, 0], 4 * index);
  }
  return places;
}

test("eight neighbors side by side are taken, anything else is not", () => {
  expect(isSubgroupOfEight(placesOf(8))).toBe(true);
  expect(isSubgroupOfEight(placesOf(32))).toBe(false);
  const [wrongPlace, wrongNeighbor] = [placesOf(8), placesOf(8)];
  wrongPlace[4 * 9 + 1] = 5;
  wrongNeighbor[4 * 1 + 2] = 3;
  expect(isSubgroupOfEight(wrongPlace)).toBe(false);
  expect(isSubgroupOfEight(wrongNeighbor)).toBe(false);
});

test("the adapter says of itself the size that it reports", async (ctx) => {
  const device = await testDevice();
  if (!device.features.has("subgroups")) ctx.skip("adapter lacks subgroups");
  const empty = new Uint32Array(subgroupPlacesLength);
  const { places } = await runKernel(device, subgroupPlaces(), { places: empty }, ["places"]);
  const { subgroupMinSize = 4, subgroupMaxSize = 128 } = device.adapterInfo;
  for (let at = 0; at < places.length; at += 4) {
    expect(places[at]).toBeGreaterThanOrEqual(subgroupMinSize);
    expect(places[at]).toBeLessThanOrEqual(subgroupMaxSize);
  }
});
