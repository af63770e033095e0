import { expect, test } from "vitest";
import { type Timing, timingOf } from "../timing.js";
import type { VolumeBenchResult } from "../volume-bench.js";
import type { PeerBenchResult, PeerResult } from "./peer-bench.js";
import { peerChartSvg } from "./peer-chart.js";
import { peerTable, volumeTable } from "./peer-tables.js";
import type { PeerGoal } from "./peer-variants.js";

const timing = (name: string, milliseconds: number): Timing =>
  timingOf(
    name,
    [0.9, 1, 1.1].map((factor) => factor * milliseconds),
  );

const peer = (name: string, goal: PeerGoal | undefined, milliseconds: number, memory = 2e9): PeerResult => ({
  name,
  goal,
  step: timing(`${name}, training step 4×512²`, milliseconds),
  description: "version 1",
  forward: timing(`${name}, forward pass 4×512²`, milliseconds / 3),
  lossDifference: 1e-7,
  logitsDifference: 2e-7,
  memory: { peakBytes: null, residentBytes: memory },
});

const absent = [{ name: "jax-js WebGPU", why: "not installed; npm ci --ignore-scripts --prefix bench/peers" }];
const ours = {
  name: "Lobule",
  description: "Lobule, f32, an adapter",
  memory: { peakBytes: 6e7, residentBytes: 5e8 },
  step: timing("Lobule, training step 4×512²", 200),
  forward: timing("Lobule, forward pass 4×512²", 70),
};
const process = { of: "residentBytes", share: 1 } as const;
const result: PeerBenchResult = {
  ours,
  absent,
  peers: [
    peer("PyTorch channels-last, tuned malloc", { speed: 0.4 }, 70, 4e8),
    peer("TensorFlow.js WebGPU", { speed: 15, memory: process }, 60_000),
    { ...peer("onnxruntime CPU", undefined, 100), step: null, lossDifference: null },
  ],
};

test("the table of peers fits 80 columns and says which goals are met, and that a peer does not train", () => {
  const lines = peerTable(result).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  const training = lines.slice(lines.indexOf("in a training step"), lines.indexOf("in a forward pass"));
  expect(training.find((line) => line.includes("PyTorch"))).toMatch(/0\.350× +0\.350-0\.350 {2}0\.4× not met$/);
  expect(training.find((line) => line.includes("TensorFlow"))).toMatch(/300\.0× +300\.0-300\.0 {2}15× met$/);
  expect(training.find((line) => line.includes("onnxruntime"))).toMatch(/ -$/);
  const memory = lines.slice(lines.findIndex((line) => line.startsWith("Most memory")));
  expect(memory.find((line) => line.includes("Lobule"))).toMatch(/500 MB +60 MB$/);
  expect(memory.find((line) => line.includes("PyTorch"))).toMatch(/400 MB +- +1\.25×$/);
  expect(memory.find((line) => line.includes("TensorFlow"))).toMatch(/0\.250× {2}1× met$/);
  expect(lines).toContain("not run: jax-js WebGPU");
  expect(lines).toContain("  logits within 2.0e-7 of ours; does not train");
});

test("on a GPU the memory on the device counts", () => {
  const goal: PeerGoal = { speed: 1.5, memory: { of: "peakBytes", share: 0.6 } };
  const cuda = { ...peer("PyTorch eager TF32", goal, 280), memory: { peakBytes: 8e7, residentBytes: 4e9 } };
  const lines = peerTable({ ours, peers: [cuda], absent: [] }).split("\n");
  expect(
    lines
      .filter((line) => line.includes("met"))
      .map((line) =>
        line
          .trim()
          .split(/\s{2,}/)
          .at(-1),
      ),
  ).toEqual(["1.5× not met", "0.6× not met"]);
  expect(lines.find((line) => line.includes("80 MB"))).toMatch(/0\.750×/);
});

test("the chart has a bar for each that trains, the fastest first", () => {
  const svg = peerChartSvg(result, "a & b");
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  const bars = [...svg.matchAll(/<rect class="(own|peer)"[^>]*width="([\d.]+)"/g)];
  expect(bars.map(([, kind]) => kind)).toEqual(["peer", "own", "peer"]);
  const lengths = bars.map(([, , length]) => Number(length));
  expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
});

test("the table of a volume has slices a second, the goal and equal labels", () => {
  const volume: VolumeBenchResult = {
    slices: 40,
    foreground: 0.25,
    absent,
    ours: { ...ours, timing: timing("Lobule, volume 256²×40", 1000) },
    peers: [
      {
        name: "PyTorch eager, slice by slice",
        description: "version 1",
        equal: 0.99987,
        memory: { peakBytes: null, residentBytes: 1e9 },
        timing: timing("PyTorch eager, volume 256²×40", 3500),
      },
    ],
  };
  const lines = volumeTable(volume).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.filter((line) => line.endsWith("slices/s")).map((line) => line.trim())).toEqual([
    "40.0 slices/s",
    "11.4 slices/s",
  ]);
  expect(lines.find((line) => line.includes("3.50×"))).toMatch(/3× met$/);
  expect(lines).toContain("  labels equal to ours in 99.987 % of the voxels");
});
