import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Collective } from "../collective/collective.js";
import { memoryCollectives } from "../collective/memory-collectives.js";
import type { TrainingOutcome } from "../run/training-state.js";
import { augmentationSetting } from "../settings/augmentation-setting.js";
import type { TrainingConfig } from "./config-schema.js";
import { type JoinedRun, joinRun, resumeRun, startRun } from "./open-run.js";
import { type Stop, TestRuns } from "./testing.js";

let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open();
});
afterAll(() => runs.close());

async function ended(opening: Promise<JoinedRun>): Promise<TrainingOutcome> {
  const run = await opening;
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

type Open = (world: Collective) => Promise<JoinedRun>;
/** Does the same on all ranks; what the first gives. */
async function onRanks(size: number, open: Open): Promise<TrainingOutcome> {
  const outcomes = await Promise.all(memoryCollectives(size).map((world) => ended(open(world))));
  expect(new Set(outcomes).size).toBe(1);
  return outcomes[0] as TrainingOutcome;
}

const trainedBy = (size: number, name: string, config: TrainingConfig, stop: Stop = {}): Promise<TrainingOutcome> =>
  onRanks(size, (world) =>
    world.rank === 0
      ? startRun(config, join(runs.root, name), {}, { ...runs.request(stop), world })
      : joinRun(config, { ...runs.request(), world }),
  );
const resumedBy = (size: number, name: string): Promise<TrainingOutcome> =>
  onRanks(size, (world) =>
    world.rank === 0
      ? resumeRun(join(runs.root, name), { ...runs.request(), world })
      : joinRun(join(runs.root, name), { ...runs.request(), world }),
  );

/** Epochs without how they were shared. */
const metricsOf = async (name: string) => (await runs.metricsOf(name)).map(({ ranks: _, ...record }) => record);

async function expectSame(name: string, single: string): Promise<void> {
  for (const kind of ["best", "last"] as const) {
    expect((await runs.bytesOf(name, kind)).equals(await runs.bytesOf(single, kind)), kind).toBe(true);
  }
  expect(await metricsOf(name)).toEqual(await metricsOf(single));
}

/** Batches of 5 slices, and a last one of fewer; dropout, batch norms, averaged weights, drawn slices, augmentation. */
const settings = (changes: Partial<TrainingConfig> = {}): TrainingConfig =>
  runs.config({
    batch: 5,
    ema: 0.8,
    oversample: 0.4,
    clipNorm: 0.5,
    checkpointEvery: 2,
    augmentation: augmentationSetting.parse({ kind: "nnunet", elasticProbability: 0.5 }),
    network: { preset: "unet", norm: "batch", dropout: 0.2 },
    depth: 1,
    ...changes,
  });

test("2 ranks give the bytes of one process that runs its batches in parts, and 3 resume to the same", async () => {
  const config = settings({ microBatch: 1 });
  await runs.trained("one process", config);
  expect(await trainedBy(2, "ranks", config, { afterEpochs: 1 })).toBe("interrupted");
  expect(await resumedBy(3, "ranks")).toBe("all epochs done");
  await expectSame("ranks", "one process");
});

test("so they do in f16, where each takes a half of a batch", async (context) => {
  if (!runs.device.hasF16) return context.skip("adapter lacks shader-f16");
  await runs.trained("f16 one process", settings({ precision: "f16", microBatch: 3 }));
  await trainedBy(2, "f16 ranks", settings({ precision: "f16" }));
  await expectSame("f16 ranks", "f16 one process");
});

test("a batch of fewer parts than there are ranks is refused", async () => {
  await expect(trainedBy(2, "few", settings({ microBatch: 5 }))).rejects.toThrow(
    /5 has one part, too few for 2 processes/,
  );
  await runs.trained("whole", settings());
  await expect(resumedBy(2, "whole")).rejects.toThrow(/begun with whole batches/);
});

test("other data, another configuration and another program are refused before the first step, with the difference", async () => {
  const starting = (changes: Partial<TrainingConfig>, facts: Readonly<Record<string, string>>) =>
    Promise.allSettled(
      memoryCollectives(2).map((world) =>
        world.rank === 0
          ? startRun(settings(), join(runs.root, "never"), {}, { ...runs.request(), world, facts: { lobule: "1" } })
          : joinRun(settings(changes), { ...runs.request(), world, facts }),
      ),
    );
  for (const [changes, facts, message] of [
    [{ epochs: 7 }, { lobule: "1" }, "rank 1 on memory differs from rank 0 in epochs: 7 and not 2"],
    [{}, { lobule: "2" }, "rank 1 on memory differs from rank 0 in lobule: 2 and not 1"],
  ] as const) {
    const outcomes = await starting(changes, facts);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { message: expect.stringContaining(message) } });
    }
  }
});
