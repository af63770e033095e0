import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStorage, readBytes, type Storage, writePhantom } from "@lobule/data";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModel } from "../model/load-model.js";
import { evaluateRun } from "../predict/evaluate-run.js";
import { planEvaluation } from "../predict/plan-evaluation.js";
import { resumeRun, startRun } from "./open-run.js";
import { resolveConfig } from "./training-config.js";

let device: Device;
let folder: string;
beforeAll(async () => {
  device = await Device.open(await openGpu());
  folder = await mkdtemp(join(tmpdir(), "lobule-storage-"));
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** Writes a task, trains on it with a pause, and measures the run. */
async function trained(storage: Storage, root: string) {
  const [data, out] = [`${root}/data`, `${root}/run`];
  await writePhantom(storage, data, { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 3 });
  const config = resolveConfig(null, {
    data,
    size: 16,
    network: { preset: "unet", skip: "add" },
    baseFeatures: 1,
    depth: 1,
    batch: 4,
    epochs: 2,
  });
  let milliseconds = 0;
  const now = (): number => (milliseconds += 10);
  const request = { storage, device, workers: 0, now, cacheDirectoryOf: () => `${root}/cache` };
  const first = await startRun(config, out, {}, { ...request, pauseAfter: 1 });
  expect(await first.run()).toBe("paused");
  await first.close();
  const second = await resumeRun(out, request);
  expect(await second.run()).toBe("all epochs done");
  await second.close();
  const plan = await planEvaluation(storage, out, await readModel(storage, out), {});
  const { result } = await evaluateRun(storage, device, plan);
  return {
    last: await readBytes(storage, `${out}/checkpoints/last.safetensors`, "tensors"),
    best: await readBytes(storage, `${out}/checkpoints/best.safetensors`, "tensors"),
    metrics: await readBytes(storage, `${out}/metrics.jsonl`, "record"),
    classes: result.classes,
  };
}

test("a task, its run and what is measured are the same in memory and in files", async () => {
  const [memory, files] = [await trained(new MemoryStorage(), "/tasks"), await trained(nodeStorage, folder)];
  expect(memory.classes).toEqual(files.classes);
  for (const name of ["last", "best", "metrics"] as const) {
    expect(memory[name].length).toBeGreaterThan(0);
    expect(Buffer.compare(memory[name], files[name])).toBe(0);
  }
});
