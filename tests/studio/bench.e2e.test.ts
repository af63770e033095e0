import { readFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BenchFile } from "../../bench/src/kernels.js";
import { readBenchFile } from "../../bench/src/read-bench-file.js";
import { runCommand } from "../../packages/lobule/src/testing/run-command.js";
import { OpenStudio } from "./open-studio.js";

describe.runIf(platform() === "linux" && arch() === "x64")("the speed of this browser", { timeout: 600_000 }, () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await OpenStudio.open("#browser");
  });
  afterAll(() => studio.close());

  test("is measured kernel by kernel, to a file as the command writes it, and compared with one of the command's", async () => {
    const { page, folder } = studio;
    const own = join(folder, "node.json");
    const words = ["bench", "kernels", "--size", "32", "--batch", "1", "--rounds", "1", "--out", own];
    expect(await runCommand(words)).toMatchObject({ code: 0 });
    await page.getByLabel("Side of a slice").fill("33");
    await expect.poll(() => page.getByRole("button", { name: "Measure" }).isDisabled()).toBe(true);
    await page.getByLabel("Side of a slice").fill("32");
    await page.getByLabel("Slices of a step").fill("1");
    await page.getByLabel("Rounds").fill("1");
    await page.getByRole("button", { name: "Measure" }).click();
    await page.getByRole("img", { name: /below the roofline/ }).waitFor({ timeout: 500_000 });
    const offered = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download .json" }).click();
    const path = join(folder, "browser.json");
    await (await offered).saveAs(path);
    const file = JSON.parse(await readFile(path, "utf8")) as BenchFile;
    const ofNode = JSON.parse(await readFile(own, "utf8")) as BenchFile;
    expect(Object.keys(file).sort()).toEqual(Object.keys(ofNode).sort());
    expect(file.settings).toEqual(ofNode.settings);
    expect(file.timings.length).toBeGreaterThan(10);
    expect(file.timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0)).toBeGreaterThan(0);
    expect((await readBenchFile(path)).timings).toHaveLength(file.timings.length);

    await page.locator("input[type=file]").setInputFiles(own);
    await page.getByRole("heading", { name: "Beside node.json" }).waitFor();
    const rows = await page.getByRole("region", { name: "Beside node.json" }).locator("tbody tr").count();
    expect(rows).toBeGreaterThan(5);
  });

  test("a file that is no result is refused in one sentence", async () => {
    const { page } = studio;
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "other.json", mimeType: "application/json", buffer: Buffer.from("{}") });
    await expect
      .poll(() => page.locator(".notices").textContent())
      .toContain("Other.json: is no result of a benchmark");
  });

  test("keeps the page's policy, and asks nobody else", () => {
    expect(studio.problems).toEqual([]);
  });
});
