import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PartResult } from "@lobule/bench";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-gpu-test-"));
});
afterEach(() => rm(folder, { recursive: true }));

const results = async (out: string): Promise<PartResult[]> =>
  (JSON.parse(await readFile(join(out, "results.json"), "utf8")) as { parts: PartResult[] }).parts;

test("parts that are chosen are run, and their figures are read from what the commands leave", async () => {
  const out = join(folder, "results");
  const only = "doctor,data,train,memory-f32";
  const { code, err } = await runCommand(["bench-gpu", "--small", "--only", only, "--out", out]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  const parts = await results(out);
  expect(parts.map(({ name, status }) => `${name} ${status}`)).toEqual([
    "doctor done",
    "data done",
    "memory-f32 done",
    "train done",
  ]);
  const figures = parts.flatMap(({ name, figures: found }) => found.map(({ quantity }) => `${name}: ${quantity}`));
  for (const figure of ["doctor: passed", "memory-f32: training step", "train: waited for data"])
    expect(figures).toContain(figure);
  expect(await readFile(join(out, "results.md"), "utf8")).toMatch(/^## \d{4}-\d\d-\d\d, .*\n\n\| part +\| outcome/);
});

test("Ctrl-C ends what runs and keeps what is known", async () => {
  const out = join(folder, "results");
  const words = ["bench-gpu", "--small", "--only", "parity-unfused,memory-f32", "--out", out];
  const { code, err } = await runCommand(words, (text, kill) => {
    if (text.includes("parity-unfused:")) kill("SIGINT");
  });
  expect(code).toBe(130);
  expect(err).toContain("interrupted; what was measured until then is kept");
  expect((await results(out)).map(({ status }) => status)).toEqual(["interrupted", "not begun"]);
});

test("results are not written over others, and a part that is not there is named", async () => {
  const other = await runCommand(["bench-gpu", "--only", "memory-f31", "--out", join(folder, "new")]);
  expect(other.err).toMatch(/^lobule: --only takes doctor, .* got 'memory-f31'.*memory-f32/);
  const taken = await runCommand(["bench-gpu", "--small", "--only", "doctor", "--out", join(folder, "..")]);
  expect(taken.err).toMatch(/^lobule: .* holds other files; name a new folder for the results with --out$/m);
  expect(await readdir(join(folder, "new"))).toEqual([]);
});
