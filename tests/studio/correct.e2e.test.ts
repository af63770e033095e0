import { writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { readNifti, toCanonical, type Vector3, writePhantom } from "@lobule/data";
import { diceScores } from "@lobule/metrics";
import { nodeStorage, openGpu } from "@lobule/node";
import { Device } from "@lobule/tensor";
import { resolveConfig, startRun } from "@lobule/train";
import { zipFolder } from "@lobule/web";
import type { Locator } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { phantom } from "../browser/phantom.js";
import { OpenStudio } from "./open-studio.js";

interface Labels {
  readonly shape: Vector3;
  readonly data: ArrayLike<number>;
}

const labelsIn = async (path: string): Promise<Labels> => toCanonical(await readNifti(nodeStorage, path));
/** Dice of the liver. */
const diceOf = (found: Labels, truth: Labels): number => diceScores(found.data, truth.data, 3).dice[1] ?? Number.NaN;

/** A model that has hardly begun to learn, as a zip of its run. */
async function weakModel(folder: string, data: string): Promise<string> {
  const device = await Device.open(await openGpu());
  const config = resolveConfig(null, {
    data,
    // The least to compile, which a browser does anew whenever it is started.
    network: { preset: "unet", skip: "add" },
    baseFeatures: 2,
    depth: 1,
    batch: 4,
    epochs: 4,
    learningRate: 1e-2,
    window: [-100, 250],
    seed: 1,
  });
  const run = await startRun(
    config,
    join(folder, "weak"),
    {},
    {
      storage: nodeStorage,
      device,
      workers: 0,
      now: () => performance.now(),
      cacheDirectoryOf: () => join(folder, "cache"),
    },
  );
  await run.run();
  await run.close();
  device.destroy();
  const path = join(folder, "weak.zip");
  await writeFile(path, await zipFolder(nodeStorage, join(folder, "weak")));
  return path;
}

/** A row of voxels, from the first to the last, that are to have a label. */
interface Row {
  readonly slice: number;
  readonly y: number;
  readonly first: number;
  readonly last: number;
}

/** The rows of voxels that differ from the truth and are to get a label. */
function rowsTo(label: number, found: Labels, truth: Labels): Row[] {
  const [width, height, depth] = truth.shape;
  const rows: Row[] = [];
  for (let slice = 0; slice < depth; slice++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const wrong = (at: number): boolean => {
          const index = at + width * (y + height * slice);
          return at < width && truth.data[index] === label && found.data[index] !== label;
        };
        const first = x;
        while (wrong(x)) x += 1;
        if (x > first) rows.push({ slice, y, first, last: x - 1 });
      }
  return rows;
}

describe.runIf(platform() === "linux" && arch() === "x64")("the studio's Correct", { timeout: 900_000 }, () => {
  let studio: OpenStudio;
  let data: string;
  let truth: Labels;
  let before: Labels;
  const axial = (): Locator => studio.page.getByRole("slider", { name: "axial slices" });

  async function labels(name: string): Promise<Labels> {
    const offered = studio.page.waitForEvent("download");
    await studio.page.getByRole("button", { name: "Labels .nii.gz" }).click();
    const path = join(studio.folder, `${name}.nii.gz`);
    await (await offered).saveAs(path);
    return labelsIn(path);
  }
  async function segment(model: string): Promise<void> {
    const { page } = studio;
    const choice = page.getByLabel(/^Model/).first();
    const path = await choice.locator("option", { hasText: model }).getAttribute("value");
    await choice.selectOption(path);
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await page.locator(".classes").waitFor({ timeout: 600_000 });
    await page.locator(".work").waitFor({ state: "detached", timeout: 600_000 });
  }
  const volumes = (): Promise<string> =>
    studio.page
      .locator(".classes tbody")
      .textContent()
      .then((text) => text ?? "");

  /** Draws from one voxel of the axial slice to another of the same row. */
  async function draw({ slice, y, first, last }: Row): Promise<void> {
    const { page } = studio;
    const [width, height] = truth.shape;
    const plane = axial();
    for (let now = Number(await plane.getAttribute("aria-valuenow")); now !== slice + 1; ) {
      await plane.press(now < slice + 1 ? "ArrowUp" : "ArrowDown");
      now = Number(await plane.getAttribute("aria-valuenow"));
    }
    const box = await plane.boundingBox();
    if (box === null) throw new Error("the plane is not to be seen");
    // The patient's right is on the left, the front above.
    const at = (x: number): [number, number] => [
      box.x + ((width - x - 0.5) / width) * box.width,
      box.y + ((height - y - 0.5) / height) * box.height,
    ];
    await page.mouse.move(...at(first));
    await page.mouse.down();
    await page.mouse.move(...at(last));
    await page.mouse.up();
  }

  /** Waits for the one notice that the page shows, and dismisses it. */
  async function said(text: string): Promise<void> {
    const { page } = studio;
    await expect.poll(() => page.locator(".notice p").allTextContents()).toEqual([text]);
    await page.getByRole("button", { name: "Dismiss" }).click();
  }

  beforeAll(async () => {
    studio = await OpenStudio.open();
    data = join(studio.folder, "data");
    await writePhantom(nodeStorage, data, { ...phantom, testCases: 1 });
    truth = await labelsIn(join(data, "labelsTr/phantom_001.nii.gz"));
  });
  afterAll(() => studio.close());

  test("a case of a training set is segmented by a zip of a run", async () => {
    const { page, folder } = studio;
    await page.getByRole("navigation").getByRole("link", { name: "Train" }).click();
    await page.getByText("Sizes of the phantom").click();
    const [fewest, most] = phantom.slices ?? [];
    const sizes = {
      Patients: phantom.cases,
      "Pixels along an edge": phantom.size,
      "Fewest slices": fewest,
      "Most slices": most,
      Seed: phantom.seed,
    };
    for (const [name, value] of Object.entries(sizes)) await page.getByLabel(name, { exact: true }).fill(String(value));
    await page.getByRole("button", { name: "Try it on a phantom" }).click();
    await page.getByRole("button", { name: "Start training" }).waitFor({ timeout: 300_000 });
    await page.getByRole("navigation").getByRole("link", { name: "Segment" }).click();
    await page.getByLabel(/^Scans of a training set/).selectOption("phantom");
    await page.getByText("Options, other models").click();
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: /Add a model/ }).click();
    await (await chooser).setFiles(await weakModel(folder, data));
    await segment("weak");
    before = await labels("before");
    expect(diceOf(before, truth)).toBeLessThan(0.95);
  });

  test("a stroke is undone and redone, by keys too", async () => {
    const { page } = studio;
    const first = await volumes();
    await page.keyboard.press("b");
    expect(await page.getByRole("button", { name: "Brush" }).getAttribute("aria-pressed")).toBe("true");
    await page.getByLabel("Radius, mm").fill("30");
    await draw({ slice: 1, y: 2, first: 2, last: 12 });
    const second = await volumes();
    expect(second).not.toBe(first);
    await page.getByRole("button", { name: "Undo" }).click();
    expect(await volumes()).toBe(first);
    await page.keyboard.press("Control+Shift+z");
    expect(await volumes()).toBe(second);
    await page.keyboard.press("Control+z");
    expect(await volumes()).toBe(first);
    const plane = axial();
    for (const key of ["e", "Shift+ArrowRight", "Enter"]) await plane.press(key);
    expect(await volumes()).not.toBe(first);
    for (const key of ["Control+z", "b"]) await plane.press(key);
    expect((await labels("undone")).data).toEqual(before.data);
  });

  test("labels are corrected by brush and eraser to what they should be, and join the training set", async () => {
    const { page } = studio;
    await page.getByLabel("Radius, mm").fill("0");
    for (const label of [1, 2]) {
      await page
        .getByLabel(/^Class/)
        .last()
        .selectOption(String(label));
      for (const row of rowsTo(label, before, truth)) await draw(row);
    }
    await page.keyboard.press("e");
    for (const row of rowsTo(0, before, truth)) await draw(row);
    const corrected = await volumes();
    await page.getByRole("button", { name: "phantom_002" }).click();
    await page.getByText(/^Press Segment/).waitFor();
    await page.getByRole("button", { name: "phantom_001" }).click();
    await page.locator(".classes").waitFor();
    expect(await volumes()).toBe(corrected);
    const asked = page.waitForEvent("dialog");
    await Promise.all([
      page.getByRole("button", { name: "Segment", exact: true }).click(),
      asked.then((dialog) => dialog.dismiss()),
    ]);
    expect((await asked).message()).toMatch(/^The labels of phantom_001 were corrected and not saved\./);
    expect((await labels("corrected")).data).toEqual(truth.data);
    await page.getByLabel("Training set", { exact: true }).fill("empty");
    await page.getByRole("button", { name: "Fine-tune the model" }).click();
    await said("There is no training set “empty” yet; add a corrected case first.");
    await page.getByLabel("Training set", { exact: true }).fill("phantom");
    await page.getByRole("button", { name: "Add the case" }).click();
    await said("phantom_001 has joined the training set phantom.");
  });

  test("a run that begins with the model's weights knows the corrected case better", async () => {
    const { page } = studio;
    await page.getByRole("button", { name: "Fine-tune the model" }).click();
    await page.getByRole("heading", { name: "phantom-tuned", level: 1 }).waitFor();
    await page.getByRole("navigation").getByRole("link", { name: "Segment" }).click();
    await page.getByRole("button", { name: "Fine-tune the model" }).click();
    await said("The run phantom-tuned is being trained, and this page trains one at a time; stop it first.");
    await page.getByRole("button", { name: "All runs" }).waitFor({ timeout: 600_000 });
    expect(await page.locator("main [role=status]").textContent()).toMatch(/^Trained/);
    await page.getByRole("navigation").getByRole("link", { name: "Segment" }).click();
    await page.getByRole("button", { name: "phantom_001" }).click();
    await segment("phantom-tuned");
    const [was, is] = [diceOf(before, truth), diceOf(await labels("after"), truth)];
    console.info(`Dice of the corrected case: ${was.toFixed(3)} before, ${is.toFixed(3)} after`);
    expect(is).toBeGreaterThan(was + 0.02);
  });

  test("scans are ranked by how much the model contradicts itself on their mirror images, the worst first", async () => {
    const { page } = studio;
    await page.getByRole("button", { name: "Rank the scans" }).click();
    await page.locator(".ranked li").first().waitFor({ timeout: 300_000 });
    const shares = (await page.locator(".ranked li").allTextContents()).map((text) =>
      Number.parseFloat(text.split(": ")[1] ?? ""),
    );
    expect(shares).toHaveLength(6);
    expect(shares).toEqual(shares.toSorted((a, b) => b - a));
    expect(shares[0]).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Show the next worst" }).click();
    await expect
      .poll(() => page.locator(".scans [aria-pressed=true]").textContent(), { timeout: 300_000 })
      .not.toBe("phantom_001");
    await page.locator(".classes").waitFor({ timeout: 300_000 });
  });

  test("keeps its policy, and asks nobody else", () => {
    expect(studio.problems).toEqual([]);
  });
});
