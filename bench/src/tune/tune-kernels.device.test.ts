import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGpu } from "@lobule/node";
import { type ConvolutionCall, Device } from "@lobule/tensor";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeTuning, tuneKernels } from "./tune-kernels.js";

let device: Device;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-tune-"));
  device = await Device.open(await openGpu());
});
afterAll(async () => {
  device.destroy();
  await rm(folder, { recursive: true });
});

const input = { batch: 1, channels: 2, height: 8, width: 8 };
const calls: ConvolutionCall[] = [{ family: "conv1x1", direction: "forward", input, outChannels: 2 }];
const silent = { update: () => undefined, end: () => undefined };
const request = (file: string, log: (line: string) => void = () => undefined) =>
  ({ effort: "quick", budget: 60, file, precision: "f32", log, progress: () => silent }) as const;

test("what was timed is kept in the file and known the next time", async () => {
  const file = join(folder, "tuning.json");
  const lines: string[] = [];
  const tuning = await tuneKernels(
    device,
    calls,
    request(file, (line) => lines.push(line)),
  );
  expect(device.kernels).toBe(tuning);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(tuning)));
  await tuneKernels(
    device,
    calls,
    request(file, (line) => lines.push(line)),
  );
  expect(lines).toEqual([
    `kernels: 1 kinds of convolution timed, 0 known; kept in ${file}`,
    `kernels: 0 kinds of convolution timed, 1 known; kept in ${file}`,
  ]);
});

test("a file that is no tuning of this adapter is named in one sentence", async () => {
  const file = join(folder, "other.json");
  await writeFile(file, "{}");
  await expect(tuneKernels(device, calls, request(file))).rejects.toThrow(
    `${file} cannot be used: it is no tuning of this version; tune again, or leave out --tuning`,
  );
  await writeFile(file, "no JSON");
  await expect(tuneKernels(device, calls, request(file))).rejects.toThrow(
    /other\.json is not valid JSON: .*, or leave out --tuning/,
  );
});

test("variants that gave wrong numbers or did not run are told", () => {
  const refused = [
    { bucket: "conv3x3 forward 8→8 2^16 f32", variant: "subgroup", error: 0.5 },
    { bucket: "conv3x3 forward 32→32 2^16 f16", variant: "matrix", error: Infinity, failure: "no such feature" },
  ] as const;
  expect(describeTuning({ timed: 1, known: 2, left: 3, refused }, "t.json")).toEqual([
    "kernels: 1 kinds of convolution timed, 2 known, 3 left at their defaults for lack of time; kept in t.json",
    "note: the subgroup kernel for conv3x3 forward 8→8 2^16 f32 gives wrong numbers on this adapter (error 0.50) and is not used",
    "note: the matrix kernel for conv3x3 forward 32→32 2^16 f16 does not run on this adapter (no such feature) and is not used",
  ]);
});
