import { arch, platform } from "node:os";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectCare, expectKeyboard } from "./findings.js";
import { OpenStudio } from "./open-studio.js";
import { TrainPage } from "./train-page.js";

/** A browser compiles every kernel when it is started; two busy cores take minutes for it. */
const patient = { timeout: 1_200_000 };

const settings = {
  Epochs: 6,
  Batch: 2,
  "Learning rate": 0.01,
  "Base features": 1,
  Depth: 1,
  // The least to compile: what can go wrong does not depend on the network.
  "Network block": "plain",
  "Network skip": "add",
  "Checkpoint every": 2,
};
/** More epochs than a test waits for. */
const long = { ...settings, Epochs: 2000, "Early stopping patience": 2000 };

/** Ends the browser's graphics process, and with it all devices, as a driver does that fails. */
async function crashGraphics(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Browser.crashGpuProcess");
}

describe.runIf(platform() === "linux" && arch() === "x64")("what can go wrong in training", patient, () => {
  let studio: OpenStudio;
  let train: TrainPage;

  beforeAll(async () => {
    studio = await OpenStudio.open("#train");
    train = new TrainPage(studio.page, studio.folder);
    await train.makePhantom();
  });
  afterAll(() => studio.close());

  test("the largest batch that fits is named; a double click begins one run, and a run that is paused at once leaves nothing behind", async () => {
    const { page } = studio;
    // Five of its images are 1.25 GiB, and this adapter binds 1 GiB at a time.
    await train.enter({ ...long, Size: 8192, Batch: 5 });
    await page
      .getByText(/^5 slices of 8192×8192 at once do not fit .*; use Batch [1-4], or Micro batch [1-4] /)
      .waitFor();
    await train.enter({ ...long, Size: "" });
    await page.getByLabel("Name of the run").fill("twice");
    await page.getByRole("button", { name: "Start training" }).dblclick();
    await page.getByRole("button", { name: "Pause" }).click();
    await train.verified();
    expect(await page.getByLabel("Runs in this browser").textContent()).toContain("None yet.");
    expect(await page.locator(".notice").count()).toBe(0);
  });

  test("the device of a graphics process that crashed is opened anew, and the run resumed, which is said", async () => {
    await train.enter(long);
    await train.start("lost");
    await train.step(8);
    await crashGraphics(studio.page);
    const said = "it was opened anew, and the run was resumed from its last checkpoint";
    await studio.page.getByText(said).waitFor({ timeout: 300_000 });
    await train.step((await train.steps()) + 16);
    await studio.page.getByRole("button", { name: "Pause" }).click();
    expect(await train.ended()).toBe("Paused; everything so far is saved");
    await train.allRuns();
  });

  test("a run is trained in one tab at a time, and keeps its data; the other tab says both; axe finds nothing meanwhile, and keys reach all", async () => {
    await train.take("phantom");
    await train.enter(long);
    await train.start("once");
    await train.step(8);
    await expectCare(studio.page);
    await expectKeyboard(studio.page);
    const page = await studio.browser.newPage();
    await page.goto(`${studio.address}#train`);
    const second = new TrainPage(page, studio.folder);
    await second.resume("once");
    expect(await second.ended()).toMatch(
      /^Another tab or worker of this browser trains once now; wait for it, or close it\.$/,
    );
    await second.allRuns();
    await second.removeData("phantom");
    await expect
      .poll(() => page.locator(".notice").allTextContents())
      .toEqual([
        expect.stringContaining(
          "A run is being trained or measured on phantom in a tab of this browser; pause it or wait for its end, then remove the data.",
        ),
      ]);
    await page.goto(`${studio.address}#compare`);
    const row = page.getByRole("row", { name: "once" });
    await expect.poll(() => row.textContent()).toContain("is being trained in a tab of this browser");
    await page.close();
    await studio.page.getByRole("button", { name: "Pause" }).click();
    expect(await train.ended()).toBe("Paused; everything so far is saved");
    await train.allRuns();
  });

  test("a run for which there is no space is refused before it begins, and one that runs out of it can be resumed", async () => {
    const { page } = studio;
    const session = await page.context().newCDPSession(page);
    const { origin } = new URL(studio.address);
    const limit = (quotaSize?: number): Promise<unknown> =>
      session.send("Storage.overrideQuotaForOrigin", { origin, ...(quotaSize === undefined ? {} : { quotaSize }) });
    const used = (): Promise<number> => page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0);

    await train.take("phantom");
    await train.enter(settings);
    await limit((await used()) + 1000);
    await train.start("no-space");
    expect(await train.ended()).toMatch(
      /^The run no-space takes about .*, and the browser keeps 1.0 kB more for this page/,
    );
    await train.allRuns();

    await limit();
    await train.take("phantom");
    await train.enter(long);
    await train.start("full");
    await train.step(4);
    await limit(1);
    expect(await train.ended()).toMatch(/^The browser keeps no more files for this page, so the run was not saved/);
    await limit();
    await page.getByRole("button", { name: "Resume" }).click();
    await train.step((await train.steps()) + 16);
    await page.getByRole("button", { name: "Pause" }).click();
    expect(await train.ended()).toBe("Paused; everything so far is saved");
  });

  test("a run whose data another tab has removed says what to do", async () => {
    const other = await studio.browser.newPage();
    await other.goto(`${studio.address}#train`);
    await new TrainPage(other, studio.folder).removeData("phantom");
    await other.getByLabel("Data in this browser").waitFor({ state: "detached" });
    await other.close();
    await studio.page.getByRole("button", { name: "Resume" }).click();
    expect(await train.ended()).toBe(
      "The data of this run, phantom, are not in this browser; take their folder in on Train, then try again.",
    );
    await train.allRuns();
    await studio.page.getByLabel("Data of full").waitFor();
    expect(await studio.page.getByRole("button", { name: "Resume full" }).isDisabled()).toBe(true);
  });

  test("a run is removed once that is confirmed", async () => {
    const { page } = studio;
    const remove = page.getByRole("button", { name: "Remove full", exact: true });
    await remove.click();
    await page.getByRole("button", { name: "Remove full: no" }).click();
    await remove.click();
    await page.getByRole("button", { name: "Remove full: yes" }).click();
    await expect.poll(() => remove.count()).toBe(0);
  });
});
