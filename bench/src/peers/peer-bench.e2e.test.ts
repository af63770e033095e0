import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { benchVolume, type VolumeVariant } from "../volume-bench.js";
import { startValues } from "../workload.js";
import { findPython } from "./find-python.js";
import { benchPeers } from "./peer-bench.js";
import type { PeerCommand } from "./peer-process.js";
import { type PeerVariant, type PytorchMode, pytorchCommand } from "./peer-variants.js";

const command = (words: readonly string[], limit = 600): PeerCommand => ({
  command: process.execPath,
  parameters: words,
  environment: {},
  absent: "cannot be run",
  limit,
});
const timing = { rounds: 2, turn: 0, now: () => performance.now(), onPeer: () => undefined };

/** A peer that answers with what it is told to: its logits, its loss and the label of the last voxel. */
const fake = (logit: number, loss: number, trains = true, label = 0): PeerCommand =>
  command([
    "-e",
    `require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
      const { do: what, write, shape = [] } = JSON.parse(line);
      const { writeFileSync } = require("node:fs");
      if (what === "forward" && write) writeFileSync(write, Float32Array.of(1, ${logit}));
      if (what === "volume") {
        const labels = new Uint8Array(shape.reduce((a, b) => a * b));
        labels[labels.length - 1] = ${label};
        writeFileSync(write, Buffer.concat([Buffer.alloc(352), labels]));
      }
      const answer = { version: "1", threads: 0, description: "fake", trains: ${trains}, milliseconds: 8, loss: ${loss} };
      console.log(JSON.stringify(what === "end" ? { peakBytes: null, residentBytes: 1e6 } : answer));
      if (what === "end") process.exit();
    });`,
  ]);

const variant = (name: string, peer: PeerCommand): PeerVariant => ({
  name,
  peer: "pytorch",
  goal: undefined,
  command: () => peer,
});

test("what computes something else is not timed, and what does not train is timed without steps", async () => {
  const { peers, absent, ours } = await benchPeers(
    { baseFeatures: 1, batch: 1, size: 16 },
    {
      ...timing,
      own: fake(2, 0.5),
      variants: [
        variant("same", fake(2.001, 0.501)),
        variant("other logits", fake(3, 0.5)),
        variant("other losses", fake(2, 0.6)),
        variant("no training", fake(2, Number.NaN, false)),
        variant("broken", command(["-e", "throw new RangeError('no memory')"])),
      ],
    },
  );
  expect(ours.step.milliseconds).toBe(8);
  expect(peers.map(({ name, step }) => [name, step?.milliseconds])).toEqual([
    ["same", 8],
    ["no training", undefined],
  ]);
  expect(peers[0]?.lossDifference).toBeCloseTo(0.002);
  expect(peers[0]?.logitsDifference).toBeCloseTo(0.001 / Math.sqrt(5));
  expect(absent).toEqual([
    { name: "other logits", why: "its logits differ from ours by 45 %: it does not do the same work" },
    { name: "other losses", why: "its losses differ from ours by 20 %: it does not do the same work" },
    { name: "broken", why: "it ended before it answered: RangeError: no memory" },
  ]);
});

test("when ours cannot run, that is an error", async () => {
  const own = command(["-e", "console.error('lobule: the batch is too large'); process.exit(1)"]);
  await expect(benchPeers({ baseFeatures: 1, batch: 1, size: 16 }, { ...timing, own, variants: [] })).rejects.toThrow(
    "Lobule: it ended before it answered: the batch is too large",
  );
});

test("labels of a volume are compared voxel by voxel", async () => {
  const label = (name: string, peer: PeerCommand): VolumeVariant => ({ name, batch: 2, command: () => peer });
  const { peers, foreground } = await benchVolume(
    { baseFeatures: 1, weights: await startValues(1), size: 16, slices: 4 },
    {
      ...timing,
      own: label("Lobule", fake(0, 0, true, 2)),
      variants: [label("same", fake(0, 0, true, 2)), label("another", fake(0, 0, true, 1))],
    },
  );
  expect(foreground).toBe(1 / 1024);
  expect(peers.map(({ equal }) => equal)).toEqual([1, 1023 / 1024]);
});

const python = findPython();
const hasPyTorch = spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0;

test("PyTorch does the same work: steps, logits and a volume", async (context) => {
  context.skip(!hasPyTorch, "python3 has no PyTorch here");
  const own = command([
    fileURLToPath(new URL("../../../packages/lobule/bin/lobule.js", import.meta.url)),
    "bench-peer",
  ]);
  const pytorch = (mode: PytorchMode) => pytorchCommand({ python, gpu: false, limit: 600 }, mode);
  const modes: readonly PytorchMode[] = ["eager", "channels-last"];
  const { peers, absent, ours } = await benchPeers(
    { baseFeatures: 8, batch: 2, size: 32 },
    { ...timing, rounds: 1, own, variants: modes.map((mode) => variant(mode, pytorch(mode))) },
  );
  expect(absent).toEqual([]);
  for (const { lossDifference, logitsDifference, memory } of peers) {
    expect(lossDifference).toBeLessThan(1e-5);
    expect(logitsDifference).toBeLessThan(1e-5);
    expect(memory.residentBytes).toBeGreaterThan(5e7);
  }
  expect(ours.memory.peakBytes).toBeGreaterThan(1e6);
  const volume = await benchVolume(
    { baseFeatures: 8, weights: await startValues(8), size: 32, slices: 5 },
    {
      ...timing,
      rounds: 1,
      own: { name: "Lobule", batch: 2, command: () => own },
      variants: [{ name: "PyTorch", batch: 3, command: () => pytorch("eager") }],
    },
  );
  expect(volume.absent).toEqual([]);
  expect(volume.peers[0]?.equal).toBeGreaterThan(0.999);
});
