import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { zipFolder } from "@lobule/web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantom } from "../browser/phantom.js";
import { OpenStudio } from "./open-studio.js";

const command = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const lobule = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

describe.runIf(platform() === "linux" && arch() === "x64")("runs compared in the studio", () => {
  let studio: OpenStudio;
  const runs = ["first", "second"] as const;
  const folderOf = (run: string): string => join(studio.folder, run);

  beforeAll(async () => {
    studio = await OpenStudio.open("#compare");
    const data = join(studio.folder, "data");
    await writePhantom(nodeStorage, data, phantom);
    const network = ["--network", "unet", "--skip", "add", "--base-features", "1", "--depth", "1"];
    const small = [...network, "--size", "16", "--batch", "2", "--epochs", "1"];
    for (const [i, run] of runs.entries()) {
      const where = ["--data", data, "--out", folderOf(run), "--cache", join(studio.folder, "cache")];
      await lobule("train", ...where, ...small, "--lr", `${[1e-3, 1e-2][i]}`);
      await lobule("evaluate", folderOf(run));
    }
  });
  afterAll(() => studio.close());

  test("a browser without runs says how to get some", async () => {
    await expect.poll(() => studio.page.locator("main").textContent()).toContain("This browser has no runs yet.");
  });

  test("runs that Node has trained and measured come in as zips", async () => {
    const zips = await Promise.all(
      runs.map(async (run) => ({
        name: `${run}.zip`,
        mimeType: "application/zip",
        buffer: Buffer.from(await zipFolder(nodeStorage, folderOf(run))),
      })),
    );
    await studio.page.locator("input[type=file]").setInputFiles(zips);
    for (const run of runs) await studio.page.getByRole("checkbox", { name: `Compare ${run}` }).check();
    await expect.poll(() => studio.page.locator("tbody").textContent()).toContain("first baseline");
  });

  test("what is no run is refused in a sentence, and nothing of it stays", async () => {
    const buffer = Buffer.from("no archive at all");
    await studio.page
      .locator("input[type=file]")
      .setInputFiles({ name: "odd.zip", mimeType: "application/zip", buffer });
    await expect
      .poll(() => studio.page.getByRole("status").textContent())
      .toContain("“odd” is no zip of a run folder: this is no zip archive, or its end is missing.");
    expect(await studio.page.getByRole("row").count()).toBe(1 + runs.length);
  });

  test("the figures are those of the command", async () => {
    const { page } = studio;
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "JSON" }).click(),
    ]);
    const path = join(studio.folder, "comparison.json");
    await download.saveAs(path);
    const out = ["--out", join(studio.folder, "comparison"), "--json"];
    const { stdout } = await lobule("compare", ...runs.map(folderOf), ...out);
    const figuresOf = (text: string): unknown => JSON.parse(text).classes;
    const here = JSON.parse(await readFile(path, "utf8"));
    expect(here.classes).toEqual(figuresOf(stdout));
    await expect
      .poll(() => page.locator(".report").evaluate((host) => host.shadowRoot?.textContent))
      .toContain("Differences from the baseline");
  });

  test("nothing of this breaks the page's policy or asks anyone else", () => {
    expect(studio.problems).toEqual([]);
  });
});
