import { expect, test } from "vitest";
import { timingOf } from "../timing.js";
import type { Figure, Measured } from "./part.js";
import { readDoctor, readKernels, readModel, readParity, readPeers, readTraining, readVolume } from "./readings.js";

const memory = { peakBytes: 2e9, residentBytes: 3e8 };
const measured: Measured = {
  seconds: 10,
  residentBytes: null,
  card: { beforeBytes: 1e9, mostBytes: 5.5e9 },
  folderBytes: null,
};
const absent = [{ name: "PyTorch AMP", why: "no CUDA" }];

/** The value of a figure, by its row and its column. */
const figureOf = (figures: readonly Figure[], subject: string, quantity: string): number | undefined =>
  figures.find((each) => each.subject === subject && each.quantity === quantity)?.value;

test("beside others: times, speeds round by round, memory, and who was not there", () => {
  const timed = (name: string, step: number[], forward: number[]) => ({
    name,
    step: timingOf("step", step),
    forward: timingOf("forward", forward),
    memory,
  });
  const peers = { ours: timed("Lobule", [10, 20, 10], [4]), peers: [timed("PyTorch", [30, 40, 20], [2])], absent };
  const { figures, notes } = readPeers(JSON.stringify({ details: { peers } }));
  expect(figureOf(figures, "Lobule", "training step")).toBe(10);
  expect(figureOf(figures, "PyTorch", "Lobule's speed in a step, times its")).toBe(2);
  expect(figureOf(figures, "PyTorch", "Lobule's speed in a forward pass, times its")).toBe(0.5);
  expect(figureOf(figures, "Lobule", "most memory on the device, by its own count")).toBe(2000);
  expect(notes).toEqual(["not run: PyTorch AMP: no CUDA"]);
});

test("a volume: slices a second, speed, and the share of equal labels", () => {
  const ours = { name: "Lobule", timing: timingOf("volume", [500]), memory };
  const other = { name: "PyTorch", timing: timingOf("volume", [1500]), memory, equal: 0.999 };
  const volume = { slices: 150, ours, peers: [other], absent };
  const { figures } = readVolume(JSON.stringify({ details: { volume } }));
  expect(figureOf(figures, "Lobule", "slices/s")).toBe(300);
  expect(figureOf(figures, "PyTorch", "Lobule's speed in a volume, times its")).toBe(3);
  expect(figureOf(figures, "PyTorch", "same labels")).toBeCloseTo(99.9);
});

test("kernels: each, and all of them together, against the roof", () => {
  const kernel = (name: string, milliseconds: number, ofRoof: number) => ({
    ...timingOf(name, [milliseconds]),
    dispatches: 3,
    share: 0.5,
    ofRoof,
    flops: 4e9,
  });
  const kernels = {
    roof: { bytesPerSecond: 3e12, flopsPerSecond: 6e13 },
    kernels: [kernel("a", 3, 0.5), kernel("b", 1, 0.1)],
  };
  const { figures, notes } = readKernels(JSON.stringify({ details: { kernels } }));
  expect(figureOf(figures, "all dispatches", "time")).toBe(4);
  expect(figureOf(figures, "all dispatches", "of the roof")).toBeCloseTo(40);
  expect(figureOf(figures, "all dispatches", "rate")).toBe(2000);
  expect(notes).toEqual(["roof: 60000.0 GFLOP/s, 3000.0 GB/s"]);
});

test("a model: memory on the card is what was used more than before", () => {
  const timings = [timingOf("training step 32×512²", [53])];
  const { figures } = readModel(
    JSON.stringify({ details: { model: { timings, firstStep: 3400, peakBytes: 4.4e9 } } }),
    measured,
  );
  expect(figureOf(figures, "Lobule", "training step")).toBe(53);
  expect(figureOf(figures, "Lobule", "most on the card")).toBe(4500);
});

test("training: the share of its time that each epoch waited for data", () => {
  const line = (epoch: number) => ({
    epoch,
    seconds: 4,
    slicesPerSecond: 600,
    waitedShare: 0.02,
    training: { loss: 1 },
  });
  const { figures } = readTraining(`note: some\n${JSON.stringify(line(0))}\n${JSON.stringify(line(1))}\n`);
  expect(figureOf(figures, "epoch 2", "waited for data")).toBe(2);
  expect(() => readTraining("")).toThrow("it trained no epoch");
});

test("checks: how many hold, and which do not", () => {
  const checks = [true, false].map((ok) => ({ fixture: "ops/x", tensor: "output", ok }));
  expect(readParity(JSON.stringify({ checks }))).toEqual({
    figures: [
      { subject: "checks", quantity: "within their limits", value: 1, unit: "" },
      { subject: "checks", quantity: "of", value: 2, unit: "" },
    ],
    notes: ["outside its limit: output of ops/x"],
  });
});

test("what is no JSON, or another, is told as such", () => {
  expect(() => readDoctor("Segmentation fault")).toThrow("what it printed is no JSON, but 'Segmentation fault'");
  expect(() => readDoctor('{"adapter": {}}')).toThrow(/^its JSON is another: adapter\.name: /);
});
