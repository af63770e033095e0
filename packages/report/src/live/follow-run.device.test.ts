import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { RunFolder, startRun } from "@lobule/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TestRuns } from "../../../train/src/trainer/testing.js";
import { keepReport } from "../run/run-recorder.js";
import { followRun } from "./follow-run.js";
import type { RunEvent } from "./run-event.js";
import { emptyView, viewAfter } from "./run-view.js";

const keeper = keepReport({ wallClock: () => 1000, host: "test" });
let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open();
});
afterAll(() => runs.close());

describe("a run that is followed", () => {
  test("is told step by step, and trains to the same bytes", async () => {
    const events: RunEvent[] = [];
    const config = runs.config({ checkpointEvery: 2, batch: 3 });
    const followed = followRun((event) => void events.push(JSON.parse(JSON.stringify(event))), runs.device, keeper);
    const run = await startRun(config, join(runs.root, "followed"), {}, { ...runs.request(), ...followed });
    await run.run();
    await run.close();
    await runs.trained("alone", config);
    expect(await runs.bytesOf("followed", "last")).toEqual(await runs.bytesOf("alone", "last"));

    const view = events.reduce(viewAfter, emptyView);
    const records = await (await RunFolder.open(nodeStorage, join(runs.root, "followed"))).readMetrics();
    expect(view.records).toEqual(records);
    expect(view.state).toEqual({ doing: "nothing", ended: "all epochs done" });
    expect(view.steps.map(({ step }) => step)).toEqual(
      Array.from({ length: view.run?.steps.all ?? 0 }, (_, i) => i + 1),
    );
    const [first] = records;
    const ofFirst = view.steps.filter(({ step }) => step <= (first?.step ?? 0));
    expect(ofFirst.every(({ loss, dice }) => loss > 0 && dice.length === 3)).toBe(true);
    expect(view.run).toMatchObject({ classes: ["background", "liver", "cancer"], epochs: 2 });
    expect(view.mostLiveBytes).toBeGreaterThan(0);
    expect(view.worst.length).toBeGreaterThan(0);
    const scores = view.worst.map(({ dice }) => dice.slice(1).filter((score) => score !== null));
    expect(scores.flat().every((score) => score >= 0 && score <= 1)).toBe(true);
    expect(view.worst[0]?.truth).toMatch(/^data:image\/png;base64,/);
    // What happens in between is told too.
    expect(new Set(events.map(({ kind }) => kind))).toEqual(
      new Set(["decoded", "opened", "pace", "steps", "validating", "epoch", "worst", "ended"]),
    );
  });
});
