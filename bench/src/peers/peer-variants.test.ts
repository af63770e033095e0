import { expect, test } from "vitest";
import { PeerProcess } from "./peer-process.js";
import { type PeerOptions, parseModes, parsePeers, peerNames, peerVariants, pytorchModes } from "./peer-variants.js";

const options: PeerOptions = {
  python: "python3",
  gpu: false,
  peers: peerNames,
  modes: pytorchModes,
  limit: 60,
  precision: "f32",
};
const start = { path: "none", baseFeatures: 8, learningRate: 1e-4, threads: 2 };

test("peers are chosen by name; an unknown one is named in one sentence", () => {
  expect(parsePeers("jax, pytorch")).toEqual(["jax", "pytorch"]);
  expect(() => parsePeers("pytorch,keras")).toThrow(
    "--peers takes pytorch, tensorflow, jax, onnxruntime, separated by commas, not 'keras'",
  );
  expect(peerVariants({ ...options, peers: ["jax"] }).map(({ name }) => name)).toEqual(["jax-js WebGPU"]);
});

test("PyTorch is run in several ways on a CPU, each with the same goal", () => {
  const variants = peerVariants({ ...options, peers: ["pytorch"] });
  expect(variants.map(({ name }) => name)).toEqual([
    "PyTorch eager",
    "PyTorch eager, tuned malloc",
    "PyTorch channels-last, tuned malloc",
  ]);
  expect(variants.map(({ goal }) => goal)).toEqual([{ speed: 0.4 }, { speed: 0.4 }, { speed: 0.4 }]);
});

test("of PyTorch's ways to run some can be chosen", () => {
  expect(parseModes("amp,eager")).toEqual(["amp", "eager"]);
  expect(() => parseModes("fast")).toThrow(
    "--modes takes eager, channels-last, amp, amp-channels-last, compile, separated by commas, not 'fast'",
  );
  const names = (gpu: boolean) =>
    peerVariants({ ...options, gpu, peers: ["pytorch"], modes: ["amp", "eager"] }).map(({ name }) => name);
  expect(names(true)).toEqual(["PyTorch eager TF32", "PyTorch AMP"]);
  expect(names(false)).toEqual(["PyTorch eager", "PyTorch eager, tuned malloc"]);
  expect(() => peerVariants({ ...options, modes: ["amp"] })).toThrow(
    "PyTorch is not run as amp on a CPU here; take eager into --modes",
  );
});

test("on a GPU the goal is for the variant of the same arithmetic", () => {
  const goals = (precision: "f32" | "f16") =>
    peerVariants({ ...options, gpu: true, precision, peers: ["pytorch", "tensorflow"] })
      .filter(({ goal }) => goal !== undefined)
      .map(({ name, goal }) => [name, goal]);
  const goal = { speed: 1.5, memory: { of: "peakBytes", share: 0.6 } };
  expect(goals("f32")).toEqual([["PyTorch eager TF32", goal]]);
  expect(goals("f16")).toEqual([["PyTorch AMP", goal]]);
  const modes = peerVariants({ ...options, gpu: true, peers: ["pytorch"] }).map((each) => each.command().parameters);
  expect(modes.map(([, device, mode]) => `${device} ${mode}`)).toEqual([
    "cuda eager",
    "cuda channels-last",
    "cuda amp",
    "cuda amp-channels-last",
    "cuda compile",
  ]);
});

const script = (text: string, limit = 60) => ({
  command: process.execPath,
  parameters: ["-e", text],
  environment: {},
  absent: "cannot be run",
  limit,
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
