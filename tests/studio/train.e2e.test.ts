import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { nodeStorage } from "@lobule/node";
import { zipFolder } from "@lobule/web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventsOf } from "../../packages/train/src/run/testing.js";
import { OpenStudio } from "./open-studio.js";
import { configFor, phantomInNode, TrainPage } from "./train-page.js";

const command = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const lobule = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

/** A browser compiles every kernel when it is started; two busy cores take minutes for it. */
const patient = { timeout: 1_200_000 };

const settings = {
  Epochs: 3,
  Batch: 2,
  "Learning rate": 0.01,
  "Base features": 1,
  Depth: 1,
  // The least to compile, which a browser does anew whenever it is started.
  "Network block": "plain",
  "Network skip": "add",
  "Checkpoint every": 2,
  Seed: 5,
};

describe.runIf(platform() === "linux" && arch() === "x64")("training in the studio", patient, () => {
  let studio: OpenStudio;
  let train: TrainPage;
  let data: string;
  let whole: string;
  const checkpoint = (run: string) => readFile(join(run, "checkpoints", "last.safetensors"));

  beforeAll(async () => {
    studio = await OpenStudio.open();
    train = new TrainPage(studio.page, studio.folder);
    data = await phantomInNode(studio.folder);
  });
  afterAll(() => studio.close());

  test("a phantom is trained on, with the losses of Node step by step, and the page never stands still", async () => {
    await studio.page.evaluate(() => {
      const found: number[] = [];
      new PerformanceObserver((list) => found.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
      });
      Object.assign(globalThis, { longTasks: found });
    });
    await train.open();
    await train.makePhantom();
    expect(await studio.page.getByLabel("Cases", { exact: true }).textContent()).toContain("phantom_005");
    await train.enter(settings);
    await train.start("whole");
    expect(await train.ended()).toBe("Trained: all epochs are done");
    const inBrowser = await train.numbers("Loss", "Each step");
    expect(inBrowser.size).toBeGreaterThanOrEqual(20);
    expect(await train.numbers("Dice on validation, mean over cases", "liver")).toHaveProperty("size", 3);
    expect(await studio.page.getByAltText(/with the outlines of the prediction/).count()).toBeGreaterThan(0);
    expect(await studio.page.evaluate(() => Reflect.get(globalThis, "longTasks"))).toSatisfy((found: number[]) =>
      found.every((milliseconds) => milliseconds < 100),
    );
    await train.allRuns();
    whole = await train.download("whole", "whole");

    const [config, run] = [join(studio.folder, "config.json"), join(studio.folder, "node")];
    await configFor(whole, data, config);
    await lobule("train", "--config", config, "--out", run, "--cache", join(studio.folder, "cache"));
    const events = await eventsOf(join(run, "tensorboard", "training"));
    const inNode = events.flatMap(({ step, scalars: { "loss/by step": loss } }) =>
      typeof loss === "number" ? [[step, loss] as const] : [],
    );
    expect(inNode.map(([step]) => step)).toEqual([...inBrowser.keys()].toSorted((a, b) => a - b));
    for (const [step, loss] of inNode) expect(Math.abs((inBrowser.get(step) ?? 0) - loss)).toBeLessThanOrEqual(1e-4);
  });

  test("a run whose tab was killed in an epoch ends with the bytes of one that was left alone", async () => {
    await train.take("phantom");
    await train.enter(settings);
    await train.start("killed");
    await train.step(8);
    await studio.page.goto("chrome://crash").catch(() => undefined);
    await studio.restart("#train");
    train = new TrainPage(studio.page, studio.folder);
    const row = studio.page.getByRole("row", { name: /^killed / });
    await expect.poll(() => row.textContent()).toMatch(/epoch [12] of 3, interrupted/);
    await train.resume("killed");
    expect(await train.ended()).toBe("Trained: all epochs are done");
    await train.allRuns();
    expect(await checkpoint(await train.download("killed", "killed"))).toEqual(await checkpoint(whole));
  });

  test("its zip is resumed by the command, and the command's in the browser", async () => {
    const resumed = await lobule(
      ...["train", "--resume", join(studio.folder, "killed"), "--data", data],
      ...["--epochs", "5", "--pause-after", "4", "--cache", join(studio.folder, "cache")],
    );
    expect(resumed.stdout).toContain("paused");
    const zip = join(studio.folder, "back.zip");
    await writeFile(zip, await zipFolder(nodeStorage, join(studio.folder, "killed")));
    await studio.page
      .getByRole("region", { name: "Runs in this browser" })
      .locator("input[type=file]")
      .setInputFiles(zip);
    await studio.page.getByLabel("Data of back").selectOption("phantom");
    await train.resume("back");
    expect(await train.ended()).toBe("Trained: all epochs are done");
    expect(await train.numbers("Loss", "Validation")).toHaveProperty("size", 5);
    await train.allRuns();
  });

  test("a folder is copied, one with a broken case shows it, and what is no Decathlon folder is refused", async () => {
    const { page } = studio;
    const input = page.getByRole("region", { name: "Your own scans" }).locator("input[type=file]");
    await input.setInputFiles(data);
    await train.verified();
    expect(await page.locator("main").textContent()).toContain("All 5 cases are sound.");
    await page.getByRole("button", { name: "Other data" }).click();
    await writeFile(join(data, "labelsTr", "phantom_002.nii.gz"), "no volume");
    await input.setInputFiles(data);
    await train.verified();
    expect(await page.locator("main").textContent()).toContain("1 of 5 cases has a problem");
    expect(await page.getByLabel("Cases", { exact: true }).textContent()).toContain("labelsTr/phantom_002.nii.gz");
    await page.getByRole("button", { name: "Other data" }).click();
    await input.setInputFiles(join(data, "imagesTr"));
    await expect.poll(() => page.locator(".notices").textContent()).toContain("is no Decathlon folder");
  });
});
