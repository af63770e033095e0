import { MemoryStorage, readBytes, writePhantom } from "@lobule/data";
import { openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readModel } from "../model/load-model.js";
import { networkState } from "../model/model-description.js";
import { resumeRun, startRun } from "./open-run.js";
import type { RunRequest } from "./run-request.js";
import { settingsOfModel } from "./start-weights.js";
import { resolveConfig } from "./training-config.js";

let device: Device;
const storage = new MemoryStorage();
beforeAll(async () => {
  device = await Device.open(await openGpu());
  await writePhantom(storage, "/data", { cases: 4, testCases: 0, size: 16, slices: [3, 4], seed: 3 });
  const run = await startRun(first, "/first", {}, request());
  await run.run();
  await run.close();
});
afterAll(() => device.destroy());

const first = resolveConfig(null, {
  data: "/data",
  size: 16,
  baseFeatures: 1,
  depth: 1,
  batch: 4,
  epochs: 1,
  ema: 0.9,
});
const request = (): RunRequest => {
  let milliseconds = 0;
  return { storage, device, workers: 0, now: () => (milliseconds += 10), cacheDirectoryOf: () => "/cache" };
};
const continuing = async (changes: Record<string, unknown> = {}) => {
  const { description } = await readModel(storage, "/first");
  return resolveConfig(null, settingsOfModel(description), {
    data: "/data",
    init: "/first",
    batch: 4,
    epochs: 2,
    ema: 0.9,
    seed: 9,
    ...changes,
  });
};
const bytesOf = (path: string) => readBytes(storage, path, "tensors");

test("a run begins with the weights of another, also those that are averaged", async () => {
  const run = await startRun(await continuing(), "/begun", {}, { ...request(), pauseAfter: 0 });
  expect(await run.run()).toBe("paused");
  const { tensors } = await run.folder.loadCheckpoint("last");
  await run.close();
  const { weights } = await readModel(storage, "/first");
  expect(networkState(tensors)).toEqual(weights);
  const averaged = [...tensors].filter(([name]) => /^ema\..*weight/.test(name));
  expect(averaged.length).toBeGreaterThan(0);
  for (const [name, { data }] of averaged) expect(data).toEqual(weights.get(name.slice("ema.".length))?.data);
});

test("one that is stopped and resumed has the bytes of one that is not", async () => {
  const config = await continuing();
  const whole = await startRun(config, "/whole", {}, request());
  await whole.run();
  await whole.close();
  const begun = await startRun(config, "/parts", {}, { ...request(), pauseAfter: 1 });
  expect(await begun.run()).toBe("paused");
  await begun.close();
  const resumed = await resumeRun("/parts", request());
  expect(await resumed.run()).toBe("all epochs done");
  await resumed.close();
  for (const kind of ["best", "last"])
    expect(await bytesOf(`/parts/checkpoints/${kind}.safetensors`)).toEqual(
      await bytesOf(`/whole/checkpoints/${kind}.safetensors`),
    );
});

test("one that was stopped before its first step begins with them too", async () => {
  const stopped = await startRun(await continuing(), "/stopped", {}, request());
  await stopped.close();
  const resumed = await resumeRun("/stopped", request());
  await resumed.run();
  await resumed.close();
  expect(await bytesOf("/stopped/checkpoints/last.safetensors")).toEqual(
    await bytesOf("/whole/checkpoints/last.safetensors"),
  );
});

test("a network of nnU-Net is trained, and goes on where it stands", async () => {
  const stage = { features: 2, kernel: [3, 3], stride: [2, 2], blocks: 1, decoderConvolutions: 1 };
  const nnunet = {
    encoder: "residual",
    stages: [{ ...stage, stride: [1, 1] }, stage, { ...stage, features: 3, stride: [1, 2] }],
    convolutionBias: true,
    norm: "instance",
    activation: "leaky-relu",
    deepSupervision: 1,
  };
  const own = { data: "/data", size: 16, batch: 4, epochs: 1, nnunet };
  const run = await startRun(resolveConfig(null, own), "/nnunet", {}, request());
  expect(await run.run()).toBe("all epochs done");
  await run.close();
  const { description, weights } = await readModel(storage, "/nnunet");
  expect(description).toMatchObject({ architecture: "NnUNet", nnunet, baseFeatures: 2, depth: 2 });
  const config = resolveConfig(null, settingsOfModel(description), {
    data: "/data",
    init: "/nnunet",
    batch: 4,
    seed: 9,
  });
  const next = await startRun(config, "/nnunet-next", {}, { ...request(), pauseAfter: 0 });
  expect(await next.run()).toBe("paused");
  const { tensors } = await next.folder.loadCheckpoint("last");
  await next.close();
  expect(networkState(tensors)).toEqual(weights);
});

test("another network's weights are refused, with what differs", async () => {
  await expect(startRun(await continuing({ baseFeatures: 2 }), "/other", {}, request())).rejects.toThrow(
    "'init' /first/checkpoints/best.safetensors is of a network whose 'baseFeatures' is 1, and this run's is 2; give the same",
  );
});
