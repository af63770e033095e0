import { expect, test } from "vitest";
import type { PeerBenchResult } from "./peer-bench.js";
import { peerChartSvg } from "./peer-chart.js";
import { PeerProcess } from "./peer-process.js";
import { parsePeers, peerNames, peerVariants } from "./peer-variants.js";
import { peerTable } from "./tables.js";

const options = { python: "python3", cuda: false, peers: peerNames, limit: 60 };
const start = { path: "none", baseFeatures: 8, learningRate: 1e-4, threads: 2 };

test("peers are chosen by name; an unknown one is named in one sentence", () => {
  expect(parsePeers("jax, pytorch")).toEqual(["jax", "pytorch"]);
  expect(() => parsePeers("pytorch,keras")).toThrow(
    "--peers takes pytorch, tensorflow, jax, separated by commas, not 'keras'",
  );
  expect(peerVariants({ ...options, peers: ["jax"] }).map(({ name }) => name)).toEqual(["jax-js WebGPU"]);
});

test("PyTorch is run in several ways, others on a GPU", () => {
  const names = (cuda: boolean) => peerVariants({ ...options, cuda, peers: ["pytorch"] }).map(({ name }) => name);
  expect(names(false)).toEqual(["PyTorch eager", "PyTorch eager, tuned malloc", "PyTorch channels-last, tuned malloc"]);
  expect(names(true)).toContain("PyTorch AMP");
});

const script = (text: string, limit = 60) => ({
  ...{ command: process.execPath, parameters: ["-e", text], environment: {}, absent: "cannot be run", limit },
});

test("a peer that cannot be run, ends, or does not answer says so", async () => {
  await expect(PeerProcess.start({ ...script(""), command: "/no/such/program" }, start)).rejects.toThrow(
    "cannot be run",
  );
  const failing = script("throw new TypeError('no such layer')");
  await expect(PeerProcess.start(failing, start)).rejects.toThrow(
    "it ended before it answered: TypeError: no such layer",
  );
  await expect(PeerProcess.start(script("setTimeout(() => {}, 1e6)", 0.3), start)).rejects.toThrow(
    "it gave no answer in 0.3 s; --peer-limit gives it more",
  );
});

test("the table fits 80 columns and says which goals are met; the chart has a bar each", () => {
  const timing = (name: string, milliseconds: number) => ({
    ...{ name: `${name}, training step 4×512²`, milliseconds, rounds: 9 },
    spread: [milliseconds * 0.9, milliseconds * 1.1] as const,
  });
  const peer = (name: string, goal: number, milliseconds: number) => ({
    ...{ name, goal, step: timing(name, milliseconds), forward: timing(name, milliseconds / 3) },
    ...{ description: "version 1", lossDifference: 1e-7, memory: { peakBytes: null, residentBytes: 2e9 } },
  });
  const result: PeerBenchResult = {
    ours: { step: timing("Lobule", 200), forward: timing("Lobule", 70), peakBytes: 6e7 },
    residentBytes: 5e8,
    peers: [peer("PyTorch channels-last, tuned malloc", 0.4, 70), peer("TensorFlow.js WebGPU", 15, 60_000)],
    absent: [{ name: "jax-js WebGPU", why: "not installed; npm ci --ignore-scripts --prefix bench/peers" }],
  };
  const svg = peerChartSvg(result, "a & b");
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  // The fastest stands first, and longer times have longer bars.
  const bars = [...svg.matchAll(/<rect class="(own|peer)"[^>]*width="([\d.]+)"/g)];
  expect(bars.map(([, kind]) => kind)).toEqual(["peer", "own", "peer"]);
  const lengths = bars.map(([, , length]) => Number(length));
  expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
  const lines = peerTable(result, true).split("\n");
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(lines.find((line) => line.includes("0.350×"))).toMatch(/0\.4× not met/);
  expect(lines.find((line) => line.includes("300.0×"))).toMatch(/15× met/);
  expect(lines).toContain("not run: jax-js WebGPU");
  expect(peerTable(result, false)).not.toContain("met");
});
