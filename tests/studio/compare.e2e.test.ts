import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { readEvaluation } from "@lobule/report";
import { zipFolder } from "@lobule/web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantom } from "../browser/phantom.js";
import { expectCare, expectKeyboard } from "./findings.js";
import { OpenStudio } from "./open-studio.js";
import { TrainPage } from "./train-page.js";

const command = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const lobule = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

/** Dice of each class of each case of a run that was measured. */
async function diceOf(run: string): Promise<ReadonlyMap<string, number>> {
  const { cases } = await readEvaluation(nodeStorage, run);
  return new Map(
    cases.flatMap(({ name, classes }) =>
      classes.map(({ name: label, dice: { intersection, predicted, target } }) => [
        `${name}, ${label}`,
        (2 * intersection) / Math.max(1, predicted + target),
      ]),
    ),
  );
}

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
      .toContain("“odd” is no zip of a run folder: this is no zip archive, or its end is missing; copy it again.");
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
    await expectCare(page);
    await expectKeyboard(page);
  });

  test("a run is measured on its data, which are here under another path, to the figures of the command", async () => {
    const { page, folder } = studio;
    const measure = page.getByRole("button", { name: "Measure second again" });
    expect(await measure.isDisabled()).toBe(true);
    await page.getByRole("navigation").getByRole("link", { name: "Train" }).click();
    const input = page.getByRole("region", { name: "Your own scans" }).locator("input[type=file]");
    await input.setInputFiles(join(folder, "data"));
    const train = new TrainPage(page, folder);
    await train.verified();
    await page.getByRole("navigation").getByRole("link", { name: "Compare" }).click();
    await expectCare(page);
    await page.getByLabel("Data of second").selectOption("data");
    await measure.click();
    await page.getByText("Measuring second").waitFor();
    await page.getByText("Measuring second").waitFor({ state: "detached", timeout: 300_000 });
    await train.download("second", "measured");
    const [here, there] = [await diceOf(join(folder, "measured")), await diceOf(join(folder, "second"))];
    expect([...here.keys()]).toEqual([...there.keys()]);
    // Another adapter rounds sums otherwise, which decides where two classes are as likely.
    for (const [key, dice] of there) expect(here.get(key), key).toBeCloseTo(dice, 3);
    const { provenance } = await readEvaluation(nodeStorage, join(folder, "measured"));
    expect(provenance?.data.directory).toBe("/data/data");
  });

  test("figures that are damaged do not count as measured, and what is wrong with them is said", async () => {
    const { page, folder } = studio;
    await writeFile(join(folder, "measured/evaluation/validation.json"), "{}");
    const buffer = Buffer.from(await zipFolder(nodeStorage, join(folder, "measured")));
    await page.locator("input[type=file]").setInputFiles({ name: "damaged.zip", mimeType: "application/zip", buffer });
    const row = page.getByRole("row", { name: /damaged/ });
    await expect.poll(() => row.textContent()).toContain("/runs/damaged/evaluation/validation.json");
    expect(await row.getByRole("checkbox").isDisabled()).toBe(true);
  });

  test("nothing of this breaks the page's policy or asks anyone else", () => {
    expect(studio.problems).toEqual([]);
  });
});
