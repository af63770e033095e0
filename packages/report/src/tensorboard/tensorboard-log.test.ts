import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import type { StepRecord } from "@lobule/train";
import { describe, expect, test } from "vitest";
import { eventsOf, exampleRecord, shown, temporaryFolder } from "../../../train/src/run/testing.js";
import { EventFile } from "./event-file.js";
import { TensorboardLog, type TensorboardOptions } from "./tensorboard-log.js";

const options: TensorboardOptions = {
  now: () => 1000,
  host: "host",
  classes: ["background", "liver"],
  totalSteps: 100,
  done: { epochs: 0, steps: 0 },
};

const step = (number: number, loss: number, slices = 4): StepRecord => ({
  step: number,
  slices,
  learningRate: 1e-3,
  means: { loss, pixelLoss: loss / 3, overlapLoss: loss / 2, dice: [0.9, 0.5] },
});

describe("what TensorBoard shows", () => {
  test("losses by step, and training beside validation at the step of an epoch's end", async () => {
    const folder = await temporaryFolder();
    const log = await TensorboardLog.open(nodeStorage, folder, options);
    await log.steps([step(1, 0.9), step(2, 0.8)]);
    const png = Buffer.from("png");
    await log.epoch(exampleRecord(0, { step: 2 }));
    await log.pictures(2, [{ tag: "slice", width: 1, height: 1, png }]);
    await log.close();
    const [training, validation] = [
      await eventsOf(join(folder, "training")),
      await eventsOf(join(folder, "validation")),
    ];
    expect(shown(training, "loss/by step")).toEqual([
      [1, 0.9],
      [2, 0.8],
    ]);
    expect(shown(training, "schedule/learning rate").map(([at]) => at)).toEqual([1, 2]);
    const { training: trained, validation: validated } = exampleRecord(0);
    expect(shown(training, "loss/by epoch")).toEqual([[2, Number(trained.loss.toFixed(4))]]);
    expect(shown(validation, "loss/by epoch")).toEqual([[2, Number(validated.loss.toFixed(4))]]);
    expect(validation.at(-1)?.pictures).toEqual({ slice: { width: 1, height: 1, png } });
  });

  test("a long run has at most 4000 points by step: means over as many steps, each slice weighing the same", async () => {
    const folder = await temporaryFolder();
    const log = await TensorboardLog.open(nodeStorage, folder, { ...options, totalSteps: 8001 });
    await log.steps([step(1, 1), step(2, 2), step(3, 3, 4), step(4, 9, 4), step(5, 6, 1), step(6, 12, 3), step(7, 5)]);
    expect(shown(await eventsOf(join(folder, "training")), "loss/by step")).toEqual([
      [3, 2],
      [6, 9.75],
    ]);
    await log.close();
    expect(shown(await eventsOf(join(folder, "training")), "loss/by step").at(-1)).toEqual([7, 5]);
  });

  test("a run of 100,000 steps stays below a megabyte", async () => {
    const folder = await temporaryFolder();
    const log = await TensorboardLog.open(nodeStorage, folder, { ...options, totalSteps: 100_000 });
    await log.steps(Array.from({ length: 100_000 }, (_, i) => step(i + 1, 0.5)));
    await log.close();
    const [name = ""] = await readdir(join(folder, "training"));
    expect((await stat(join(folder, "training", name))).size).toBeLessThan(2 ** 20);
  });

  test("a run that was killed and resumed has every step once", async () => {
    const folder = await temporaryFolder();
    const first = await TensorboardLog.open(nodeStorage, folder, options);
    await first.steps([1, 2, 3, 4].map((n) => step(n, n)));
    await first.epoch(exampleRecord(0, { step: 4 }));
    // Killed here; its checkpoint is that of step 2.
    const second = await TensorboardLog.open(nodeStorage, folder, {
      ...options,
      now: () => 2000,
      done: { epochs: 0, steps: 2 },
    });
    await second.steps([3, 4].map((n) => step(n, 10 * n)));
    await second.epoch(exampleRecord(0, { step: 4 }));
    await second.close();
    const training = await eventsOf(join(folder, "training"));
    expect(shown(training, "loss/by step")).toEqual([
      [1, 1],
      [2, 2],
      [3, 30],
      [4, 40],
    ]);
    expect(shown(training, "loss/by epoch")).toHaveLength(1);
    expect(shown(await eventsOf(join(folder, "validation")), "loss/by epoch")).toHaveLength(1);
    await first.close();
  });

  test("a run of an older version keeps its series by epochs, without those that the checkpoint does not have", async () => {
    const folder = await temporaryFolder();
    const old = await EventFile.create(nodeStorage, folder, { seconds: 500, host: "host", firstStep: 1 });
    for (const epoch of [1, 2, 3]) await old.add(epoch, 500, { "loss/training": epoch });
    await old.close();
    const log = await TensorboardLog.open(nodeStorage, folder, { ...options, done: { epochs: 2, steps: 80 } });
    await log.steps([step(81, 0.5)]);
    await log.close();
    expect(shown(await eventsOf(folder), "loss/training")).toEqual([
      [1, 1],
      [2, 2],
    ]);
    expect(shown(await eventsOf(join(folder, "training")), "loss/by step")).toEqual([[81, 0.5]]);
  });
});
