import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PartResult } from "@lobule/bench";
import { expect, test } from "vitest";
import { runCommand } from "../testing/run-command.js";

test("a small task goes through every stage, which leaves its figures and none of the data", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lobule-rehearsal-"));
  try {
    const words = ["--task", "vessel", "--scale", "0.03", "--size", "16", "--small-size", "16"];
    const out = join(folder, "figures");
    const { code, err, out: said } = await runCommand(["rehearse", ...words, "--folder", folder, "--out", out]);
    expect({ code, err }, said).toEqual({ code: 0, err: "" });
    const { parts } = JSON.parse(await readFile(join(out, "vessel.json"), "utf8")) as { parts: PartResult[] };
    expect(parts.every(({ status }) => status === "done")).toBe(true);
    const figure = (part: string, subject: string, quantity: string): number | undefined =>
      parts
        .find(({ name }) => name === part)
        ?.figures.find((each) => each.subject === subject && each.quantity === quantity)?.value;
    expect(figure("write", "all", "cases")).toBe(9);
    expect(figure("verify", "verified", "slices")).toBe(figure("write", "all", "slices"));
    const kept = figure("write", "below the recipe's limit", "slices");
    expect(figure("decode", "decoding, to the first steps", "slices")).toBe(kept);
    expect(figure("segment", "segmented", "scans")).toBe(2);
    if (process.platform === "linux")
      for (const { measured } of parts) expect(measured?.residentBytes).toBeGreaterThan(1e7);
    expect(await readdir(folder)).toEqual(["figures"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a share that is none is refused in one sentence", async () => {
  const { code, err } = await runCommand(["rehearse", "--scale", "7"]);
  expect({ code, err }).toEqual({ code: 1, err: "lobule: --scale needs a number above 0 up to 1, got '7'\n" });
});
