import { appendFile, type FileHandle, mkdir, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FileWriteError } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { readSafetensorsMetadata, type SafetensorsTensor, writeSafetensors } from "@lobule/tensor";
import { afterEach, describe, expect, test, vi } from "vitest";
import { RunError, RunFolder, type RunSettings } from "./run-folder.js";
import { exampleRecord, temporaryFolder } from "./testing.js";

const settings: RunSettings = {
  config: { learningRate: 1e-3, window: [-160, 240], preset: null },
  split: { training: ["liver_1", "liver_2"], validation: ["liver_3"] },
  environment: { node: "20", adapter: { vendor: "mesa" } },
};

const newRun = async (): Promise<RunFolder> =>
  RunFolder.create(nodeStorage, join(await temporaryFolder(), "runs", "a"), settings);

const tensors = (value: number): Map<string, SafetensorsTensor> =>
  new Map([
    ["head.weight", { dtype: "F32", shape: [2, 2], data: new Float32Array(4).fill(value) }],
    ["exp_avg.head.weight", { dtype: "F32", shape: [2, 2], data: new Float32Array(4).fill(-value) }],
  ]);

const state = { training: { epoch: 3, best: { loss: 0.25, epoch: 2 }, finished: null }, model: { classes: ["a"] } };

/** Fails the next call of a method of any file handle, or the nth, after some of the text has been written. */
async function diskFullOn(call: "writeFile", folder: string, nth = 1): Promise<void> {
  const path = join(folder, "..", "probe");
  const handle = await open(path, "w");
  await handle.close();
  const prototype: FileHandle = Object.getPrototypeOf(handle);
  const whole = prototype[call];
  const spy = vi.spyOn(prototype, call);
  for (let before = 1; before < nth; before++) {
    spy.mockImplementationOnce(function (this: FileHandle, ...given) {
      return whole.apply(this, given);
    });
  }
  spy.mockImplementationOnce(async function (this: FileHandle, data: unknown) {
    await whole.call(this, Buffer.from(data as Uint8Array).subarray(0, 5));
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  });
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe("making and opening", () => {
  test("a run is opened with what it was made from, folders above it included", async () => {
    const { directory } = await newRun();
    const run = await RunFolder.open(nodeStorage, directory);
    expect({ config: run.config, split: run.split, environment: run.environment }).toEqual(settings);
    expect(JSON.parse(await readFile(join(directory, "config.json"), "utf8"))).toEqual(settings.config);
    expect((await readdir(directory)).sort()).toEqual(["config.json", "environment.json", "split.json"]);
  });

  test("a folder that holds a run, or the rest of one, is left alone", async () => {
    const { directory } = await newRun();
    await expect(RunFolder.create(nodeStorage, directory, settings)).rejects.toThrow(RunError);
    await expect(RunFolder.create(nodeStorage, directory, settings)).rejects.toThrow(
      `${directory} holds a run already; name another folder with --out, or resume it: \`lobule train --resume ${directory}\``,
    );
    await writeFile(join(directory, "metrics.jsonl"), "");
    await rm(join(directory, "config.json"));
    await expect(RunFolder.create(nodeStorage, directory, settings)).rejects.toThrow(
      /holds 'metrics.jsonl' but no config.json/,
    );
  });

  test("a creation that was cut short can be begun again, and other files are kept", async () => {
    const { directory } = await newRun();
    await rm(join(directory, "config.json"));
    await writeFile(join(directory, "notes.txt"), "mine");
    await RunFolder.create(nodeStorage, directory, settings);
    expect(await readFile(join(directory, "notes.txt"), "utf8")).toBe("mine");
  });

  test("a path that is a file is refused", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, "");
    await expect(RunFolder.create(nodeStorage, path, settings)).rejects.toThrow(
      /cannot make the run folder .*file.*--out/,
    );
    await expect(RunFolder.open(nodeStorage, path)).rejects.toThrow(/is no run folder/);
  });

  test.each<[why: string, name: string, content: string | null, message: RegExp]>([
    ["no config", "config.json", null, /was stopped before it was begun: it has no config.json; repeat the command/],
    ["no split", "split.json", null, /it has no split.json/],
    ["a torn config", "config.json", '{"a":', /config.json is not valid JSON: .*; the run is damaged/],
    ["an odd split", "split.json", '{"training":[1]}', /split.json is not as expected at 'training\[0\]'/],
    ["no version", "environment.json", "{}", /environment.json is not as expected at 'runFormat'/],
    ["a newer version", "environment.json", '{"runFormat":2}', /newer version \(run format 2, .* up to 1\); update/],
  ])("%s: one sentence", async (_, name, content, message) => {
    const { directory } = await newRun();
    const path = join(directory, name);
    await (content === null ? rm(path) : writeFile(path, content));
    const attempt = RunFolder.open(nodeStorage, directory);
    await expect(attempt).rejects.toThrow(RunError);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(directory);
  });
});

describe("a run that was stopped before it had a checkpoint", () => {
  test("has none, and is at its first step", async () => {
    const { directory } = await newRun();
    expect(await (await RunFolder.open(nodeStorage, directory)).loadLast()).toBeNull();
  });

  test("is told from one whose last checkpoint was lost", async () => {
    const run = await newRun();
    await run.appendMetrics(exampleRecord(0));
    await run.appendMetrics(exampleRecord(1));
    await expect(run.loadLast()).rejects.toThrow(/last\.safetensors is missing, but .* has done 2 epochs; restore it/);
    await run.truncateMetrics(0);
    await run.saveCheckpoint("best", tensors(1), state);
    await expect(run.loadLast()).rejects.toThrow(/last\.safetensors is missing, but .* has done an epoch; restore it/);
    await run.saveCheckpoint("last", tensors(2), state);
    expect((await run.loadLast())?.tensors).toEqual(tensors(2));
  });

  test("can be begun again in its folder without the model that it was to have", async () => {
    const directory = await temporaryFolder();
    await RunFolder.create(nodeStorage, directory, { ...settings, modelCode: "exports" });
    await rm(join(directory, "config.json"));
    await RunFolder.create(nodeStorage, directory, settings);
    expect((await readdir(directory)).sort()).toEqual(["config.json", "environment.json", "split.json"]);
  });
});

test("nothing is written once another process has the run", async () => {
  const { directory } = await newRun();
  const run = await RunFolder.open(nodeStorage, directory, () => Promise.reject(new Error("it is another's")));
  const before = (await readdir(directory)).sort();
  for (const write of [
    () => run.saveCheckpoint("last", tensors(1), state),
    () => run.appendMetrics(exampleRecord(0)),
    () => run.truncateMetrics(0),
    () => run.saveReport(""),
    () =>
      run.recordWorkload({ cases: {}, step: { parameters: 1, slices: 1, flops: 1, bytes: 1, peakBytes: 1 } }, "data"),
  ]) {
    await expect(write()).rejects.toThrow("it is another's");
  }
  expect((await readdir(directory)).sort()).toEqual(before);
});

describe("workload", () => {
  const workload = {
    cases: { liver_1: "ab", liver_2: "12", liver_3: "cd" },
    step: { parameters: 10, slices: 4, flops: 1e6, bytes: 4000, peakBytes: 9000 },
  };

  test("is read back; before it is written there is none", async () => {
    const run = await newRun();
    expect(await run.readWorkload()).toBeNull();
    await run.recordWorkload(workload, "data");
    expect(await run.readWorkload()).toEqual(workload);
  });

  test("of other data is refused, and what was recorded stays; the cost of a step may change", async () => {
    const run = await newRun();
    await run.recordWorkload(workload, "data");
    const attempt = run.recordWorkload({ ...workload, cases: { ...workload.cases, liver_3: "ef" } }, "data");
    await expect(attempt).rejects.toThrow(RunError);
    await expect(attempt).rejects.toThrow(/the case liver_3 of data does not hold what it held when .* began/);
    expect(await run.readWorkload()).toEqual(workload);
    const faster = { ...workload, step: { ...workload.step, bytes: 3000 } };
    await run.recordWorkload(faster, "data");
    expect(await run.readWorkload()).toEqual(faster);
  });

  test("a damaged one is named", async () => {
    const run = await newRun();
    await writeFile(join(run.directory, "workload.json"), '{"cases":{}}');
    await expect(run.readWorkload()).rejects.toThrow(/workload.json is not as expected at 'step'.*; remove it/);
  });
});

describe("checkpoints", () => {
  test("are read back whole, each kind by itself", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    await run.saveCheckpoint("best", tensors(2), { model: 1 });
    expect(await run.loadCheckpoint("last")).toEqual({ tensors: tensors(1), state });
    expect(await run.loadCheckpoint("best")).toEqual({ tensors: tensors(2), state: { model: 1 } });
  });

  test("are one safetensors file, with the state as metadata a field each, in JSON with sorted keys", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    expect(readSafetensorsMetadata(await readFile(run.checkpointPath("last")))).toEqual({
      model: '{"classes":["a"]}',
      training: '{"best":{"epoch":2,"loss":0.25},"epoch":3,"finished":null}',
    });
  });

  test("have the same bytes whatever the order of tensors and keys", async () => {
    const [one, other] = [await newRun(), await newRun()];
    await one.saveCheckpoint("last", tensors(1), state);
    await other.saveCheckpoint("last", new Map([...tensors(1)].reverse()), {
      model: { classes: ["a"] },
      training: { finished: null, best: { epoch: 2, loss: 0.25 }, epoch: 3 },
    });
    expect(await readFile(other.checkpointPath("last"))).toEqual(await readFile(one.checkpointPath("last")));
  });

  test("numbers come back to the last bit, and one that cannot is refused", async () => {
    const run = await newRun();
    const values = [0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1 / 3];
    await run.saveCheckpoint("last", tensors(1), { values });
    expect((await run.loadCheckpoint("last")).state).toEqual({ values });
    const attempt = run.saveCheckpoint("last", tensors(2), { sums: { dice: [0, Number.NaN] } });
    await expect(attempt).rejects.toThrow("the state to save has 'sums.dice.1' = NaN");
    expect((await run.loadCheckpoint("last")).tensors).toEqual(tensors(1));
  });

  test("a full disk leaves the old one and says how to resume", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    await diskFullOn("writeFile", run.directory);
    const attempt = run.saveCheckpoint("last", tensors(2), state);
    await expect(attempt).rejects.toThrow(FileWriteError);
    await expect(attempt).rejects.toThrow(
      `cannot save ${run.checkpointPath("last")} (0.0 MiB): the disk is full; the checkpoint before it is untouched; once that is mended, resume it: \`lobule train --resume ${run.directory}\``,
    );
    expect((await run.loadCheckpoint("last")).tensors).toEqual(tensors(1));
    expect(await readdir(join(run.directory, "checkpoints"))).toEqual(["last.safetensors"]);
  });

  test("one that was announced when the process was killed leaves the old one whole, and the next too", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    const announced = async () => {
      const reopened = await RunFolder.open(nodeStorage, run.directory);
      expect((await reopened.loadCheckpoint("last")).tensors).toEqual(tensors(1));
      return reopened;
    };
    for (let n = 2; n < 5; n++) {
      const killed = await announced();
      await diskFullOn("writeFile", run.directory, 2);
      await expect(killed.saveCheckpoint("last", tensors(n), state)).rejects.toThrow(FileWriteError);
      vi.restoreAllMocks();
      const { last } = JSON.parse(await readFile(join(run.directory, "checkpoints.json"), "utf8"));
      expect(last).toHaveLength(2);
    }
    await (await announced()).saveCheckpoint("last", tensors(9), state);
    expect((await (await RunFolder.open(nodeStorage, run.directory)).loadCheckpoint("last")).tensors).toEqual(
      tensors(9),
    );
  });

  test("one whose bytes have changed since it was saved is refused; a run that was kept no record of is read", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    await writeFile(run.checkpointPath("last"), writeSafetensors(tensors(2), { training: "{}" }));
    await expect(run.loadCheckpoint("last")).rejects.toThrow(
      `${run.checkpointPath("last")} does not hold what the run saved there, so it has been changed or damaged since; restore it, or remove ${join(run.directory, "checkpoints.json")} to take it as it is`,
    );
    await writeFile(join(run.directory, "checkpoints.json"), '{"last":["00"]}');
    await expect(run.loadCheckpoint("last")).rejects.toThrow(/checkpoints.json is not as expected at 'last\[0\]'/);
    await rm(join(run.directory, "checkpoints.json"));
    expect((await run.loadCheckpoint("last")).tensors).toEqual(tensors(2));
  });

  test("metadata that are not JSON are no checkpoint's", async () => {
    const run = await newRun();
    await run.saveCheckpoint("last", tensors(1), state);
    await writeFile(run.checkpointPath("last"), writeSafetensors(tensors(1), { format: "pt" }));
    await expect(run.loadCheckpoint("last")).rejects.toThrow(
      /last.safetensors is damaged: its entry 'format' is not valid JSON: .*; take the/,
    );
  });

  test("a missing or damaged one is named", async () => {
    const run = await newRun();
    await expect(run.loadCheckpoint("best")).rejects.toThrow(/has no best checkpoint yet .*; train it first/);
    await run.saveCheckpoint("best", tensors(1), state);
    const bytes = await readFile(run.checkpointPath("best"));
    await writeFile(run.checkpointPath("best"), bytes.subarray(0, bytes.length - 3));
    await expect(run.loadCheckpoint("best")).rejects.toThrow(RunError);
    await expect(run.loadCheckpoint("best")).rejects.toThrow(/best.safetensors is damaged: .* cut off; take the other/);
  });
});

describe("metrics", () => {
  const runWith = async (epochs: number): Promise<RunFolder> => {
    const run = await newRun();
    for (let epoch = 0; epoch < epochs; epoch++) await run.appendMetrics(exampleRecord(epoch));
    return run;
  };
  const logOf = ({ directory }: RunFolder): string => join(directory, "metrics.jsonl");

  test("records are read back in order, a line each; before the first there are none", async () => {
    const run = await newRun();
    expect(await run.readMetrics()).toEqual([]);
    await run.appendMetrics(exampleRecord(0));
    await run.appendMetrics(exampleRecord(1));
    expect(await run.readMetrics()).toEqual([exampleRecord(0), exampleRecord(1)]);
    expect((await readFile(logOf(run), "utf8")).split("\n").length).toBe(3);
  });

  test("a loss that is not finite is null in the file and NaN again when read", async () => {
    const run = await newRun();
    const { training } = exampleRecord(0);
    await run.appendMetrics(
      exampleRecord(0, { training: { ...training, loss: Number.POSITIVE_INFINITY, dice: [null] } }),
    );
    expect(await readFile(logOf(run), "utf8")).toContain('"training":{"loss":null,');
    expect((await run.readMetrics())[0]?.training).toEqual({ ...training, loss: Number.NaN, dice: [null] });
  });

  test("a last line torn at any byte is dropped, and the next record stands in its place", async () => {
    const run = await runWith(2);
    const whole = await readFile(logOf(run));
    const second = whole.indexOf("\n") + 1;
    for (let end = second; end < whole.length; end += 29) {
      await writeFile(logOf(run), whole.subarray(0, end));
      const opened = await RunFolder.open(nodeStorage, run.directory);
      expect(await opened.readMetrics()).toEqual([exampleRecord(0)]);
      await opened.appendMetrics(exampleRecord(1));
      expect(await readFile(logOf(run))).toEqual(whole);
    }
  });

  test("on resume, records of epochs that the checkpoint has not seen are dropped", async () => {
    const run = await runWith(4);
    await appendFile(logOf(run), '{"epoch":4,"st');
    await run.truncateMetrics(2);
    expect((await run.readMetrics()).map(({ epoch }) => epoch)).toEqual([0, 1]);
    await run.truncateMetrics(0);
    expect(await run.readMetrics()).toEqual([]);
  });

  test("a run that an earlier version began and this one resumes has records of this version alone", async () => {
    const run = await newRun();
    const { training, validation, ...others } = exampleRecord(0);
    const old = ({
      pixelLoss: crossEntropy,
      overlapLoss: diceLoss,
      ...losses
    }: typeof training | typeof validation) => ({
      ...losses,
      crossEntropy,
      diceLoss,
    });
    const line = { ...others, training: old(training), validation: old(validation) };
    await writeFile(logOf(run), `${JSON.stringify(line)}\n`);
    expect(await run.readMetrics()).toEqual([exampleRecord(0)]);
    await run.truncateMetrics(1);
    await run.appendMetrics(exampleRecord(1));
    expect(await run.readMetrics()).toEqual([exampleRecord(0), exampleRecord(1)]);
    const versions = (await readFile(logOf(run), "utf8"))
      .trimEnd()
      .split("\n")
      .map((each) => JSON.parse(each).version);
    expect(versions).toEqual([2, 2]);
  });

  test("a full disk leaves the log as it was and says how to resume", async () => {
    const run = await runWith(1);
    await diskFullOn("writeFile", run.directory);
    const attempt = run.appendMetrics(exampleRecord(1));
    await expect(attempt).rejects.toThrow(/metrics.jsonl: the disk is full/);
    await expect(attempt).rejects.toThrow(`once that is mended, resume it: \`lobule train --resume ${run.directory}\``);
    expect(await run.readMetrics()).toEqual([exampleRecord(0)]);
    expect((await readFile(logOf(run), "utf8")).endsWith("}\n")).toBe(true);
  });

  test("a damaged line is named, and a record of the wrong form is not written", async () => {
    const run = await runWith(2);
    await writeFile(logOf(run), (await readFile(logOf(run), "utf8")).replace('"epoch":0', '"epoch":"0"'));
    await expect(run.readMetrics()).rejects.toThrow(RunError);
    await expect(run.readMetrics()).rejects.toThrow(/metrics.jsonl, line 1: is not as expected at 'epoch'/);
    await expect(run.truncateMetrics(1)).rejects.toThrow(RunError);
    await expect(run.appendMetrics(exampleRecord(2, { waitedShare: 1.5 }))).rejects.toThrow(/waitedShare/);
  });

  test("a log that is a folder cannot be read", async () => {
    const run = await newRun();
    await mkdir(logOf(run));
    await expect(run.readMetrics()).rejects.toThrow(/metrics.jsonl is a folder, not a regular file/);
  });
});

test("the report is replaced as a whole", async () => {
  const run = await newRun();
  await run.saveReport("<p>one");
  expect(await readFile(await run.saveReport("<p>two"), "utf8")).toBe("<p>two");
});
