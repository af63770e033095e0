import { AttentionResUNet } from "@lobule/nn";
import { Variable, VariableGroup, zeros } from "@lobule/tensor";
import { expect, test } from "vitest";
import { testDevice } from "../../../tensor/src/testing/device.js";
import type { Collective } from "../collective/collective.js";
import { SharedGradients, shareBounds } from "./shared-gradients.js";

test("while a part is exchanged the next one may take its place", async () => {
  const device = await testDevice();
  const network = new AttentionResUNet({ inChannels: 1, classes: 2, baseFeatures: 1, seed: 1 });
  const sums = network.parameters().map(({ name, shape }) => new Variable(name, shape, zeros, "gradient"));
  const group = new VariableGroup(sums);
  group.place(device);
  let release = (): void => undefined;
  const exchanged = new Promise<void>((resolve) => {
    release = resolve;
  });
  /** The first of two ranks; the other one's gradients are zeros. */
  const world: Collective = {
    rank: 0,
    size: 2,
    hosts: ["here", "there"],
    at: () => undefined,
    exchange: async ([own = new Float32Array()], lengths) => {
      await exchanged;
      return lengths.map((length, rank) => (rank === 0 ? own : new Float32Array(length)));
    },
  };
  const shared = new SharedGradients(world, device, network, sums);
  const part = (factor: number) => Float32Array.from({ length: group.length }, (_, i) => factor * i);
  for (const factor of [1, 10]) {
    group.write(part(factor));
    shared.add([0.5, 0.5], factor === 1);
  }
  group.write(part(100));
  release();
  await shared.finish();
  const [, end] = shareBounds(group.length, 2);
  expect((await group.read()).subarray(0, end)).toEqual(part(5.5).subarray(0, end));
  await shared.destroy();
});
