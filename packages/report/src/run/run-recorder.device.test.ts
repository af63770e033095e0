import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { readDecathlon, readNifti, toCanonical } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { RunFolder, readModel, type SampleSlice, SlicePredictor, startRun } from "@lobule/train";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsOf, shown } from "../../../train/src/run/testing.js";
import { chosenSamples } from "../../../train/src/trainer/sample-slices.js";
import { TestRuns } from "../../../train/src/trainer/testing.js";
import { keepReport, picturesDue } from "./run-recorder.js";
import { decodeRgb, words } from "./testing.js";

let runs: TestRuns;
beforeAll(async () => {
  runs = await TestRuns.open(keepReport({ wallClock: () => 1000, host: "test" }));
});
afterAll(() => runs.close());

const reportOf = async (name: string): Promise<string> =>
  words(await readFile(join(runs.root, name, "report.html"), "utf8"));
const series = (name: string, of: "training" | "validation") => eventsOf(join(runs.root, name, "tensorboard", of));

describe("a run, while it trains and after", () => {
  test("has a report that says how far it is after each epoch, and how it ended", async () => {
    const settings = runs.config({ epochs: 3 });
    const seen: string[] = [];
    const run = await startRun(settings, join(runs.root, "watched"), {}, runs.request());
    const save = run.folder.saveReport.bind(run.folder);
    run.folder.saveReport = async (page) => {
      seen.push(/(No epoch|Epoch \d) of \d (is complete yet|done), [a-z ]+/.exec(words(page))?.[0] ?? page);
      return save(page);
    };
    await run.run();
    await run.close();
    expect(seen).toEqual([
      "No epoch of 3 is complete yet, running",
      "Epoch 1 of 3 done, running",
      "Epoch 2 of 3 done, running",
      "Epoch 3 of 3 done, running",
      "Epoch 3 of 3 done, finished",
    ]);
    expect(await reportOf("watched")).toContain("Written 1970-01-01 00:16:40 UTC.");
  });

  test("that was interrupted and resumed says both, and has each step once in TensorBoard's files", async () => {
    const settings = runs.config({ epochs: 3, checkpointEvery: 2, batch: 3 });
    expect(await runs.trained("stopped", settings, { afterEpochs: 1 })).toBe("interrupted");
    expect(await reportOf("stopped")).toContain("Epoch 1 of 3 done, interrupted;");
    expect(await runs.resumed("stopped")).toBe("all epochs done");
    expect(await reportOf("stopped")).toContain("Epoch 3 of 3 done, finished;");
    const records = await (await RunFolder.open(nodeStorage, join(runs.root, "stopped"))).readMetrics();
    const training = await series("stopped", "training");
    const steps = records.at(-1)?.step ?? 0;
    expect(shown(training, "loss/by step").map(([step]) => step)).toEqual(
      Array.from({ length: steps }, (_, i) => i + 1),
    );
    const validation = await series("stopped", "validation");
    for (const events of [training, validation]) {
      expect(shown(events, "loss/by epoch").map(([step]) => step)).toEqual(records.map(({ step }) => step));
    }
    expect(shown(validation, "loss/by epoch").map(([, loss]) => loss)).toEqual(
      records.map((record) => Number(record.validation.loss.toFixed(4))),
    );
  });

  test("that fails says by which error", async () => {
    const run = await startRun(runs.config(), join(runs.root, "failing"), {}, runs.request());
    run.folder.saveCheckpoint = () => Promise.reject(new Error("the disk is full"));
    await expect(run.run()).rejects.toThrow("the disk is full");
    await run.close();
    expect(await reportOf("failing")).toContain("No epoch of 2 is complete yet, ended by an error: the disk is full;");
  });

  test("trains on to the same bytes where its report cannot be written, and says so once", async () => {
    await runs.trained("sound", runs.config());
    const notes: string[] = [];
    const request = { ...runs.request(), observer: { note: (text: string) => void notes.push(text) } };
    const run = await startRun(runs.config(), join(runs.root, "blocked"), {}, request);
    // A folder in the report's place.
    await mkdir(join(runs.root, "blocked", "report.html", "in the way"), { recursive: true });
    expect(await run.run()).toBe("all epochs done");
    await run.close();
    expect(notes).toEqual([
      expect.stringMatching(/^report\.html cannot be kept up to date: .*report\.html.*; training continues$/),
    ]);
    for (const kind of ["best", "last"] as const) {
      expect((await runs.bytesOf("blocked", kind)).equals(await runs.bytesOf("sound", kind))).toBe(true);
    }
  });

  test("keeps the report of a run that is over when it is resumed once more", async () => {
    await runs.trained("over", runs.config());
    const folder = await RunFolder.open(nodeStorage, join(runs.root, "over"));
    await folder.saveReport("measured");
    expect(await runs.resumed("over")).toBe("all epochs done");
    expect(await reportOf("over")).toBe("measured");
  });
});

describe("sample slices", () => {
  test("are in TensorBoard's validation series as pictures when the loss is the lowest so far", async () => {
    await runs.trained("pictures", runs.config());
    const records = await (await RunFolder.open(nodeStorage, join(runs.root, "pictures"))).readMetrics();
    const drawn = (await series("pictures", "validation")).filter(({ pictures }) => Object.keys(pictures).length > 0);
    expect(drawn.map(({ step }) => step)).toEqual(records.filter(({ best }) => best).map(({ step }) => step));
    const split = (await RunFolder.open(nodeStorage, join(runs.root, "pictures"))).split;
    for (const [tag, { png, width, height }] of Object.entries(drawn[0]?.pictures ?? {})) {
      expect(split.validation).toContain(/^validation slices\/(.*), slice \d+$/.exec(tag)?.[1]);
      const picture = decodeRgb(png);
      expect([picture.width, picture.height]).toEqual([width, height]);
    }
  });

  test.each([null, 2])("are what the checkpoint's network makes of the scan (micro-batch %j)", async (microBatch) => {
    const name = `sampled ${microBatch}`;
    const run = await startRun(
      runs.config({ epochs: 1, microBatch, ema: microBatch === null ? null : 0.5 }),
      join(runs.root, name),
      {},
      runs.request(),
    );
    let samples: SampleSlice[] = [];
    await run.trainer.run(run.folder, {
      steps: async () => undefined,
      epoch: async () => undefined,
      saved: async (_, slices) => {
        samples = await slices.samples();
      },
    });
    await run.close();
    expect(samples.length).toBeGreaterThan(0);
    const task = await readDecathlon(nodeStorage, join(runs.root, "data"));
    const predictor = new SlicePredictor(runs.device, await readModel(nodeStorage, join(runs.root, name)), {
      atOnce: 1,
    });
    for (const { caseName, slice, width, height, image, truth, prediction } of samples) {
      const files = task.cases.find((each) => each.name === caseName);
      if (files === undefined) throw new Error(`no case ${caseName}`);
      const size = width * height;
      const part = async (path: string) => {
        const { data } = toCanonical(await readNifti(nodeStorage, path));
        return Float32Array.from(data.subarray((slice - 1) * size, slice * size));
      };
      const scan = await part(files.image);
      const [labels] = await predictor.predict([scan], width, height);
      expect([...prediction].reverse()).toEqual([...(labels ?? [])]);
      expect([...truth].reverse()).toEqual([...(await part(files.label))]);
      [...image].reverse().forEach((value, i) => {
        expect(value).toBeCloseTo(((scan[i] ?? 0) + 160) / 400, 3);
      });
    }
    await predictor.close();
  });

  test("are one of each of three cases that are spread over all, with the most of the highest class", () => {
    const cases = [0, 1, 2, 3, 4, 5].map((at) => ({
      labelCounts: [
        [9, 0, 0],
        [5, 4, 0],
        [6, 2, at === 3 ? 0 : 1],
        [7, 0, 0],
      ],
    }));
    const slices = cases.flatMap((_, at) => [0, 1, 2, 3].map((slice) => ({ case: at, slice })));
    expect(chosenSamples(cases, slices)).toEqual([
      { case: 1, slice: 2 },
      { case: 3, slice: 1 },
      { case: 5, slice: 2 },
    ]);
    expect(
      chosenSamples(
        [{ labelCounts: [[4], [4], [4]] }],
        [0, 1, 2].map((slice) => ({ case: 0, slice })),
      ),
    ).toEqual([{ case: 0, slice: 1 }]);
    expect(chosenSamples(cases, [])).toEqual([]);
  });

  test("are drawn at most about forty times, whatever the length of a run", () => {
    const records = Array.from({ length: 1000 }, (_, epoch) => ({ epoch, best: true }));
    const due = records.filter((_, i) => picturesDue(records.slice(0, i + 1), 1000)).map(({ epoch }) => epoch);
    expect(due.slice(0, 3)).toEqual([0, 25, 50]);
    expect(due.length).toBe(40);
    expect(picturesDue([{ epoch: 0, best: false }], 10)).toBe(false);
    expect(picturesDue(records.slice(0, 3), 10)).toBe(true);
  });
});
