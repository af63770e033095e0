import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeStorage } from "@lobule/node";
import { readSafetensors, readSafetensorsMetadata, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModel } from "../model/load-model.js";
import { RunError, RunFolder } from "../run/run-folder.js";
import { resumeRun } from "./open-run.js";
import { TestRuns } from "./testing.js";

let runs: TestRuns;
let copies = 0;
beforeAll(async () => {
  runs = await TestRuns.open();
  await runs.trained("whole", runs.config({ epochs: 4 }));
  await runs.trained("run", runs.config({ epochs: 4 }), { afterEpochs: 3 });
});
afterAll(() => runs.close());

/** A copy of the run that was stopped. */
async function copy(): Promise<string> {
  const name = `copy ${++copies}`;
  await cp(join(runs.root, "run"), join(runs.root, name), { recursive: true });
  return name;
}

const pathOf = (name: string, file: string): string => join(runs.root, name, file);

async function edit(name: string, file: string, change: (text: string) => string): Promise<void> {
  const path = pathOf(name, file);
  await writeFile(path, change(await readFile(path, "utf8")));
}

type Json = Record<string, unknown>;
const editJson = (name: string, file: string, change: (value: Json) => Json): Promise<void> =>
  edit(name, file, (text) => JSON.stringify(change(JSON.parse(text))));

/** Changes the metadata and the tensors of a checkpoint. */
async function editCheckpoint(
  name: string,
  kind: "best" | "last",
  changes: {
    readonly model?: (value: Json) => Json;
    readonly training?: (value: Json) => Json;
    readonly tensors?: (tensors: Map<string, SafetensorsTensor>) => void;
  },
): Promise<void> {
  const path = pathOf(name, `checkpoints/${kind}.safetensors`);
  const bytes = await readFile(path);
  const metadata = { ...readSafetensorsMetadata(bytes) };
  const tensors = readSafetensors(bytes);
  changes.tensors?.(tensors);
  for (const part of ["model", "training"] as const) {
    const change = changes[part];
    if (change !== undefined) metadata[part] = JSON.stringify(change(JSON.parse(metadata[part] ?? "")));
  }
  await writeFile(path, writeSafetensors(tensors, metadata));
  // As in a run of a version that did not write down what its checkpoints hold.
  await rm(pathOf(name, "checkpoints.json"), { force: true });
}

const resume = async (name: string) => {
  const run = await resumeRun(join(runs.root, name), runs.request());
  await run.close();
  return run;
};

describe("metrics.jsonl that lost lines", () => {
  test.each<[string, (lines: string[]) => string[], RegExp]>([
    ["the first", (lines) => lines.slice(1), /lost the record of epoch 1: curves and tables lack it, the training/],
    ["the last", (lines) => lines.slice(0, -1), /lost the record of epoch 3: curves/],
    ["all", () => [], /lost the record of epochs 1, 2, 3: curves and tables lack them/],
  ])("%s: the run ends with the same bytes, and says what is missing", async (_, keep, note) => {
    const name = await copy();
    await edit(name, "metrics.jsonl", (text) =>
      keep(text.trimEnd().split("\n"))
        .map((line) => `${line}\n`)
        .join(""),
    );
    const run = await resumeRun(join(runs.root, name), runs.request());
    expect(run.data.notes.join("\n")).toMatch(note);
    await run.run();
    await run.close();
    expect((await runs.bytesOf(name, "last")).equals(await runs.bytesOf("whole", "last"))).toBe(true);
    expect((await runs.metricsOf(name)).at(-1)).toEqual((await runs.metricsOf("whole")).at(-1));
  });

  test("whose last line lacks its end alone has lost nothing", async () => {
    const name = await copy();
    await edit(name, "metrics.jsonl", (text) => text.trimEnd());
    const run = await resumeRun(join(runs.root, name), runs.request());
    expect(run.data.notes).toEqual([]);
    await run.run();
    await run.close();
    expect(await runs.metricsOf(name)).toEqual(await runs.metricsOf("whole"));
  });

  test("a whole one gives no note", async () => {
    expect((await resume(await copy())).data.notes).toEqual([]);
  });

  test("whose lines are out of order or come twice is refused by line", async () => {
    for (const [order, line] of [
      [[1, 0, 2], 2],
      [[0, 1, 1, 2], 3],
    ] as const) {
      const name = await copy();
      await edit(name, "metrics.jsonl", (text) => `${order.map((i) => text.split("\n")[i]).join("\n")}\n`);
      await expect(resume(name)).rejects.toThrow(new RegExp(`metrics\\.jsonl, line ${line}: epoch \\d .* comes after`));
    }
  });
});

describe("a last checkpoint that does not fit the rest of its run is refused, and the run left as it was", () => {
  const training = (changes: Json) => ({ training: (state: Json) => ({ ...state, ...changes }) });
  const model = (changes: Json) => ({ model: (description: Json) => ({ ...description, ...changes }) });
  const plateau = { learningRate: 0.01, best: null, badEpochs: 0, cooldownLeft: 0 };
  const first = (tensors: Map<string, SafetensorsTensor>, start: string): string =>
    [...tensors.keys()].find((name) => name.startsWith(start)) ?? "";
  const setFirst = (start: string, value: number) => ({
    tensors: (tensors: Map<string, SafetensorsTensor>) => {
      const { data } = tensors.get(first(tensors, start)) ?? {};
      if (data instanceof Float32Array) data[0] = value;
    },
  });

  test.each<[string, Parameters<typeof editCheckpoint>[2], RegExp]>([
    ["more epochs than there are", training({ epoch: 9, globalStep: 99, optimizerSteps: 99 }), /done 9 epochs, of 4/],
    ["all epochs, unfinished", training({ epoch: 4 }), /done all 4 epochs and is not finished/],
    ["fewer steps than epochs", training({ globalStep: 1, optimizerSteps: 1 }), /1 step in all does not fit/],
    [
      "another count of steps",
      training({ globalStep: 13, optimizerSteps: 13 }),
      /metrics\.jsonl counts \d+ steps to the end/,
    ],
    ["steps that the optimizer did not take", training({ optimizerSteps: 3 }), /optimizer has taken 3 steps, the run/],
    ["a learning rate that grew", training({ plateau: { ...plateau, learningRate: 1 } }), /rate 1 is above the 0\.01/],
    ["a learning rate of none", training({ plateau: { ...plateau, learningRate: 0 } }), /'plateau\.learningRate'/],
    ["too little patience", training({ plateau: { ...plateau, badEpochs: 4 } }), /more epochs without progress/],
    ["a best epoch to come", training({ best: { loss: 1, epoch: 3 } }), /best epoch is 4, but only 3 are done/],
    ["another best loss", training({ best: { loss: 1e-3, epoch: 0 } }), /best loss is 0\.001, but that of epoch 1/],
    ["a falling window", model({ window: [5, -5] }), /its window must be two rising numbers, got 5 -5/],
    ["another window", model({ window: [-100, 240] }), /its 'window' is \[-100,240\], by config\.json \[-160,240\]/],
    [
      "a deep network",
      model({ depth: 1_000_000 }),
      /description of the model does not fit: 'depth' needs a whole number from 1 up to 9, got 1000000/,
    ],
    ["a wide network", model({ baseFeatures: 4096 }), /one layer of 8192 channels has \d+ numbers, but the file holds/],
    ["a network of other parts", model({ inputSlices: 3 }), /its 'inputSlices' is 3, by config\.json 1/],
    ["an even number of slices", model({ inputSlices: 4 }), /'inputSlices' must be odd/],
    ["a size that cannot be", model({ size: 17 }), /its size must be a multiple of 2, got 17/],
    ["code of its own", model({ code: "0".repeat(64) }), /it names code, which the network UNet has none of/],
    ["other classes", model({ classes: ["background", "liver"] }), /Dice of 3 classes, the model 2/],
    ["a weight that is no number", setFirst("encoder", Number.NaN), /its tensor 'encoder.*' holds NaN at position 0/],
    ["an infinite moment", setFirst("exp_avg.", Number.POSITIVE_INFINITY), /'exp_avg\..*' holds Infinity/],
    ["a negative second moment", setFirst("exp_avg_sq.", -1), /'exp_avg_sq\..*' holds -1 at position 0/],
    [
      "moments of SGD",
      {
        tensors: (all) => {
          const name = first(all, "exp_avg.");
          const tensor = all.get(name);
          if (tensor !== undefined) all.set("momentum_buffer.x", tensor);
        },
      },
      /tensors 'momentum_buffer\.…', and config\.json asks for the optimizer adam/,
    ],
    [
      "a moment that is missing",
      { tensors: (all) => void all.delete(first(all, "exp_avg_sq.")) },
      /'exp_avg_sq\..*' is missing/,
    ],
    ["a weight that is missing", { tensors: (all) => void all.delete(first(all, "head")) }, /head/],
  ])("%s", async (_, changes, message) => {
    const name = await copy();
    await editCheckpoint(name, "last", changes);
    const [log, bytes] = [await readFile(pathOf(name, "metrics.jsonl")), await runs.bytesOf(name, "last")];
    await expect(resume(name)).rejects.toThrow(message);
    await expect(resume(name)).rejects.toThrow(name);
    expect(await readFile(pathOf(name, "metrics.jsonl"))).toEqual(log);
    expect(await runs.bytesOf(name, "last")).toEqual(bytes);
  });
});

describe("other files of a run", () => {
  test.each<[string, string, (value: Json) => Json, RegExp]>([
    [
      "a setting of another network",
      "config.json",
      (config) => ({ ...config, baseFeatures: 2 }),
      /'baseFeatures' is 1, by config/,
    ],
    [
      "another optimizer",
      "config.json",
      (config) => ({ ...config, optimizer: { kind: "sgd", momentum: 0.9, weightDecay: 0 } }),
      /has tensors 'exp_avg\.…'|has no tensors 'momentum/,
    ],
    ["averaged weights", "config.json", (config) => ({ ...config, ema: 0.9 }), /has no tensors 'ema\.…'/],
    [
      "a window that falls",
      "config.json",
      (config) => ({ ...config, window: [5, -5] }),
      /window.* two rising numbers, got 5 -5/,
    ],
    [
      "a case on both sides",
      "split.json",
      ({ training, validation }) => ({
        training,
        validation: [...(validation as string[]), ...(training as string[])],
      }),
      /split\.json is not as expected at 'validation\[\d\]': it names the case .* twice/,
    ],
    [
      "no case to validate on",
      "split.json",
      ({ training }) => ({ training, validation: [] }),
      /split\.json is not as expected at 'validation'/,
    ],
    [
      "hashes of no case",
      "workload.json",
      (workload) => ({ ...workload, cases: {} }),
      /workload\.json says nothing of the case/,
    ],
  ])("%s: %s is refused", async (_, file, change, message) => {
    const name = await copy();
    await editJson(name, file, change);
    await expect(resume(name)).rejects.toThrow(message);
  });

  test("a best checkpoint is read with the same bounds", async () => {
    const name = await copy();
    await editCheckpoint(name, "best", { model: (model) => ({ ...model, window: [5, -5] }) });
    await expect(readModel(nodeStorage, join(runs.root, name))).rejects.toThrow(
      /best\.safetensors: .* two rising numbers, got 5 -5/,
    );
    await editCheckpoint(name, "best", { model: (model) => ({ ...model, window: [0, 1], baseFeatures: 4000 }) });
    await expect(readModel(nodeStorage, join(runs.root, name))).rejects.toThrow(/does not fit its weights/);
  });

  test("a checkpoint of which one byte was changed is refused, by who resumes and by who reads the model", async () => {
    const name = await copy();
    for (const kind of ["best", "last"] as const) {
      const bytes = await runs.bytesOf(name, kind);
      // The lowest bit of a weight: a number like any other.
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 4) ^ 1, bytes.length - 4);
      await writeFile(pathOf(name, `checkpoints/${kind}.safetensors`), bytes);
    }
    const refused = (kind: string) => new RegExp(`${kind}\\.safetensors does not hold what the run saved there`);
    await expect(resume(name)).rejects.toThrow(refused("last"));
    await expect(readModel(nodeStorage, join(runs.root, name))).rejects.toThrow(refused("best"));
    await rm(pathOf(name, "checkpoints.json"));
    await resume(name);
  });

  test("a last checkpoint that was removed is missed", async () => {
    const name = await copy();
    await rm(pathOf(name, "checkpoints/last.safetensors"));
    await expect(resume(name)).rejects.toThrow(RunError);
    expect((await (await RunFolder.open(nodeStorage, join(runs.root, name))).readMetrics()).length).toBe(3);
  });
});
