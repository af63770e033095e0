import { UNet } from "@lobule/nn";
import {
  compile,
  type Device,
  gradients,
  keepGradients,
  sum,
  Variable,
  type VariableGroup,
  zeros,
} from "@lobule/tensor";
import { beforeAll, expect, test, vi } from "vitest";
import { testDevice } from "../../../tensor/src/testing/device.js";
import type { Collective } from "../collective/collective.js";
import { shareBounds } from "./gradient-bucket.js";
import { SharedGradients } from "./shared-gradients.js";

let device: Device;
beforeAll(async () => {
  device = await testDevice();
});

/** A promise, and what fulfills it. */
function newGate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** The first of two ranks; the other one's gradients are zeros. */
const firstOfTwo = (beforeExchange: () => Promise<void>): Collective => ({
  rank: 0,
  size: 2,
  hosts: ["here", "there"],
  at: () => undefined,
  exchange: async ([own = new Float32Array()], lengths) => {
    await beforeExchange();
    return lengths.map((length, rank) => (rank === 0 ? own : new Float32Array(length)));
  },
});

/** What runs parts of one image, as a rank does: pixel i is i times a factor. */
async function partsOf(world: Collective) {
  const network = new UNet({ inChannels: 1, classes: 2, baseFeatures: 4, depth: 1, seed: 1 });
  const shared = new SharedGradients(world, device, network);
  const parameters = network.parameters();
  const sums = parameters.map(({ name, shape }) => new Variable(name, shape, zeros, "gradient"));
  const plan = compile(
    {
      inputs: { x: { shape: [1, 1, 8, 8], dtype: "f32" } },
      build: ({ x }) => ({
        updates: [keepGradients(parameters, gradients(sum(network.forward(x)), parameters), sums)],
      }),
    },
    { kernels: device.kernels },
  );
  shared.take(plan);
  const loaded = await plan.load(device);
  const run = (factor: number): Promise<void> => {
    shared.clearStatistics();
    const x = Float32Array.from({ length: 64 }, (_, i) => factor * i);
    return loaded.run({ x }, (submission) => shared.read(submission));
  };
  return { shared, run, plan, group: sums[0]?.group as VariableGroup };
}

test("while a part is exchanged the next one may take its place", async () => {
  const exchange = newGate();
  const { shared, run, group, plan } = await partsOf(firstOfTwo(() => exchange.opened));
  const left: Float32Array[] = [];
  for (const factor of [1, -3]) {
    await run(factor);
    shared.add([0.5, 0.5], factor === 1);
    left.push(await group.read());
  }
  await run(100);
  exchange.open();
  await shared.finish();
  const sums = await group.read();
  for (const { finished } of plan.submissions) {
    const own = finished.flatMap(({ first, end }) => Array.from({ length: end - first }, (_, i) => first + i));
    const [, end] = shareBounds(own.length, 2);
    for (const at of own.slice(0, end)) {
      expect(sums[at]).toBe(left.reduce((total, part) => Math.fround(total + 0.5 * (part[at] ?? Number.NaN)), 0));
    }
  }
  expect(Math.max(...sums)).toBeGreaterThan(0);
  await shared.destroy();
});

test("what the first submission finishes is exchanged before the last is read", async () => {
  const exchanging = newGate();
  const { shared, run, group, plan } = await partsOf(firstOfTwo(async () => exchanging.open()));
  const last = plan.submissions.at(-1)?.finished[0]?.first;
  const read = group.read.bind(group);
  // What the last submission finishes is there for nobody before an exchange has begun.
  const held = vi.fn(() => exchanging.opened);
  vi.spyOn(group, "read").mockImplementation(async (first, end) => {
    const values = await read(first, end);
    if (first === last) await held();
    return values;
  });
  await run(1);
  shared.add([1], true);
  await shared.finish();
  expect(plan.submissions).toHaveLength(2);
  expect(held).toHaveBeenCalledTimes(1);
  await shared.destroy();
});
