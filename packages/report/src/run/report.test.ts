import type { EpochRecord } from "@lobule/train";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exampleRecord } from "../../../train/src/run/testing.js";
import type { ReportClass } from "./dice-table.js";
import { type ReportInput, renderReport } from "./report.js";
import type { ReportSlice } from "./slices-section.js";
import { checkSelfContained, checkWellFormed, decodeRgb, words } from "./testing.js";

const liver: ReportClass = {
  name: "liver",
  readings: [
    { label: "mean over cases", value: 0.9482, n: 11, unit: "case", interval: [0.927, 0.964], rule: "none left out" },
    { label: "pooled over all voxels", value: null, n: 1, unit: "case" },
  ],
  published: { value: 0.88, note: "reading not stated" },
  measures: [{ label: "Volume error, ml", value: -12.44, n: 11, digits: 1 }],
};

const slice: ReportSlice = {
  caseName: "liver_7",
  slice: 42,
  dice: [0.99, 0.914, null],
  image: new Float32Array(64).fill(0.5),
  truth: new Uint8Array(64).fill(1, 20, 28),
  prediction: new Uint8Array(64).fill(1, 21, 29),
  width: 8,
  height: 8,
};

const example: ReportInput = {
  title: "liver, seed 1",
  classes: ["background", "liver", "tumor"],
  config: {
    preset: "liver",
    window: [-160, 240],
    plateau: { factor: 0.5, patience: 3 },
    size: null,
    fastDevRun: false,
  },
  split: { training: ["liver_0", "liver_1"], validation: ["liver_7"] },
  environment: { adapter: { vendor: "mesa" }, node: "v20" },
  metrics: Array.from({ length: 6 }, (_, epoch) =>
    exampleRecord(epoch, { best: epoch < 4, learningRate: epoch < 5 ? 1e-3 : 5e-4 }),
  ),
  progress: { epochs: 100, state: "early stopping", written: 1_700_000_000.9 },
  evaluation: { cases: 1, classes: [liver], notes: ["Surface distances: measured in 3D in 1 case."] },
  slices: {
    best: [slice],
    of: 212,
    worst: [{ ...slice, caseName: "liver_8", prediction: new Uint8Array(64) }],
  },
};

describe("a report", () => {
  const page = renderReport(example);

  test("is well-formed and needs nothing but itself", () => {
    checkWellFormed(page);
    checkSelfContained(page);
  });

  test("names the losses by what the run minimized", () => {
    expect(words(page)).toContain("cross-entropy + Dice loss");
    const tversky = words(renderReport({ ...example, config: { loss: { kind: "tversky", alpha: 0.3, beta: 0.7 } } }));
    expect(tversky).toContain("1 − Tversky index, mean over classes");
    expect(tversky).toContain("nats a pixel; not in the loss");
    expect(tversky).not.toContain("cross-entropy + Dice loss");
  });

  test("is light or dark as the reader's system, and light on paper", () => {
    expect(page).toContain("@media screen and (prefers-color-scheme:dark)");
    expect(page).toContain("@media print");
    expect(page).toContain('name="viewport"');
  });

  test("sums up the run", () => {
    const text = words(page);
    expect(text).toContain(
      "Epoch 6 of 100 done, finished by early stopping; 2 cases to train on, 1 to validate on. The validation loss was lowest in epoch 4. Written 2023-11-14 22:13:20 UTC.",
    );
    const best = example.metrics[3];
    expect(text).toContain(
      `Validation loss ${best?.validation.loss.toFixed(4)} in epoch 4; training ${best?.training.loss.toFixed(4)}`,
    );
    expect(text).toContain("Best epoch 4 of 6 done, 100 planned");
    expect(text).toContain("Waited for data 0.4 % of the training time");
    expect(text).toContain("Time 1 min 32 s 15 s an epoch");
  });

  test("says what its figures are measured on: whole scans in the table, training's slices in the curves", () => {
    const text = words(page);
    expect(text).toContain("Dice on 1 validation case The best checkpoint, of epoch 4, measured on whole scans");
    expect(text).toContain("measured after each epoch on all validation slices, at the network&#39;s own resolution;");
    const of = (config: object): string => words(renderReport({ ...example, config }));
    expect(of({ size: 256 })).toContain("own resolution, 256×256;");
    expect(of({ overfitBatches: 1 })).toContain("on the training slices themselves, as this run was to overfit them");
    expect(of({ fastDevRun: true })).toContain("on the first validation slices only, as this was a trial run");
    const split = { ...example.split, validation: ["liver_7", "liver_9"] };
    expect(words(renderReport({ ...example, split }))).toContain("Dice on 1 of 2 validation cases");
  });

  test.each<[state: ReportInput["progress"]["state"], text: string]>([
    ["running", "Epoch 6 of 100 done, running;"],
    ["interrupted", "Epoch 6 of 100 done, interrupted;"],
    ["paused", "Epoch 6 of 100 done, paused;"],
    ["all epochs done", "Epoch 6 of 100 done, finished;"],
    [{ error: "the loss became <NaN>" }, "Epoch 6 of 100 done, ended by an error: the loss became &lt;NaN&gt;;"],
  ])("says how a run stands: %j", (state, text) => {
    const { evaluation: _, slices: __, ...rest } = example;
    const under = renderReport({ ...rest, progress: { ...example.progress, state } });
    checkWellFormed(under);
    expect(words(under)).toContain(text);
    expect(words(under)).toContain("measured on the whole validation scans once training is over");
    const killed = "a run that was killed since then is not running any more";
    if (state === "running") expect(words(under)).toContain(killed);
    else expect(words(under)).not.toContain(killed);
  });

  test("has the readings of Dice with interval and n, what is published, distances and volumes", () => {
    const text = words(page);
    expect(text).toContain("mean over cases 0.948 0.927 to 0.964 11 cases");
    expect(text).toContain("pooled over all voxels – – 1 case");
    expect(text).toContain("published 0.88 reading not stated");
    expect(text).toContain("Mean over cases: none left out.");
    expect(text).toContain("Volume error, ml −12.4 n 11");
    expect(text).toContain("Surface distances: measured in 3D in 1 case.");
  });

  test("has a chart for each loss and each reading, and for the learning rate", () => {
    const titles = [...page.matchAll(/<figure class="chart"><figcaption><h3>([^<]*)<\/h3>/g)].map(([, title]) => title);
    expect(titles).toEqual([
      "Loss",
      "Cross-entropy",
      "Dice loss",
      "Dice, mean over cases",
      "Dice, pooled over all voxels",
      "Dice, mean over slices with the class",
      "Dice, mean over all slices",
      "Soft Dice in training",
      "Learning rate",
    ]);
    expect(words(page)).toContain("From 1e−3 to 5e−4, reduced once.");
    expect(words(page)).not.toMatch(/Epoch 4: background/);
  });

  test("shows scan, truth and prediction of slices with their names and Dice, as pictures inside the page", () => {
    expect(words(page)).toMatch(/liver_8, slice 42 Dice liver 0.914 · tumor absent Prediction: nothing found./);
    expect(words(page)).toContain("Lowest Dice: 1 of 212");
    const pictures = [...page.matchAll(/alt="([^"]+)" src="data:image\/png;base64,([^"]+)"/g)];
    expect(pictures.map(([, alt]) => alt)).toEqual([
      "liver_8, slice 42: the scan",
      "liver_8, slice 42: truth, with liver",
      "liver_8, slice 42: prediction, nothing found",
      "liver_7, slice 42: the scan",
      "liver_7, slice 42: truth, with liver",
      "liver_7, slice 42: prediction, with liver",
    ]);
    for (const [, , data = ""] of pictures) expect(decodeRgb(Buffer.from(data, "base64")).width).toBe(384);
  });

  test("has a legend with a picture of every class, and enlarges slices without a script", () => {
    expect(page.match(/<img class="swatch" alt="" src="data:[^"]+">(liver|tumor)/g)).toHaveLength(2);
    // Two slices and nine charts.
    expect(page.match(/<label class="zoom"><input type="checkbox" aria-label="Enlarge /g)).toHaveLength(2 + 9);
    expect(page).toContain(".zoom:has(input:checked){position:fixed");
  });

  test("lists configuration, environment and cases", () => {
    const text = words(page);
    for (const row of ["plateau.factor 0.5", "window -160, 240", "size none", "fastDevRun no", "adapter.vendor mesa"]) {
      expect(text).toContain(row);
    }
    expect(text).toContain("training liver_0, liver_1");
    expect(page.match(/<details>/g)?.length).toBe(3);
  });

  test("is the same for the same input", () => {
    expect(renderReport(example)).toBe(page);
  });
});

describe("a report of little", () => {
  const bare: ReportInput = { ...example, metrics: [] };
  const { evaluation: _, slices: __, ...nothing } = bare;

  test("before the first epoch", () => {
    const page = renderReport(nothing);
    checkWellFormed(page);
    expect(words(page)).toContain(
      "No epoch of 100 is complete yet, finished by early stopping; 2 cases to train on, 1 to validate on.",
    );
    expect(page).not.toContain("<figure");
  });

  test("of one epoch", () => {
    const page = renderReport({ ...nothing, metrics: [exampleRecord(0)] });
    checkWellFormed(page);
    expect(words(page)).toContain("Epoch 1 of 100 done");
    expect(words(page)).toContain("Constant at 1e−3.");
  });

  test("of losses that are NaN throughout", () => {
    const { training, validation } = exampleRecord(0);
    const lost: EpochRecord = exampleRecord(0, {
      training: { ...training, loss: Number.NaN, dice: [null, null, null] },
      validation: { ...validation, loss: Number.NaN, pixelLoss: Number.NaN },
      best: false,
    });
    const page = renderReport({ ...nothing, metrics: [lost, { ...lost, epoch: 1 }] });
    checkWellFormed(page);
    expect(page).not.toContain("NaN");
    expect(words(page)).toContain("No epoch had a finite validation loss.");
    expect(words(page)).toContain("No value in any epoch.");
  });
});

test("no name or value from outside becomes markup", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.constantFrom("<script>alert(1)</script>", '"><img src=x onerror="1">', "</style>", "&amp;", "\u0000"),
  );
  fc.assert(
    fc.property(texts, texts, texts, (one, two, three) => {
      const page = renderReport({
        title: one,
        classes: ["background", two, three],
        config: { [one]: two, list: [three], deep: { [two]: { [three]: one } } },
        split: { training: [one], validation: [two] },
        environment: { [three]: one },
        metrics: [exampleRecord(0)],
        progress: { epochs: 1, state: { error: two }, written: 0 },
        evaluation: {
          cases: 1,
          classes: [
            {
              name: one,
              readings: [{ label: two, value: 0.5, n: 2, unit: three, rule: one }],
              published: { value: 0.5, note: two },
              measures: [{ label: three, value: null, n: 0, digits: 1 }],
            },
          ],
        },
        slices: { best: [{ ...slice, caseName: one, dice: [null, 1, 1] }], worst: [], of: 1 },
      });
      checkWellFormed(page);
      expect(page).not.toContain("<script");
      // Two swatches and three panels.
      expect(page.match(/<img/g)).toHaveLength(5);
    }),
    { numRuns: 40 },
  );
});
