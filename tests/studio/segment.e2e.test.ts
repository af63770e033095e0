import { mkdir, readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readNifti, writeNifti, writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { segmentRecordSchema } from "@lobule/train";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../../packages/lobule/src/testing/run-command.js";
import { expectCare, expectKeyboard } from "./findings.js";
import { OpenStudio } from "./open-studio.js";

const bundledModel = fileURLToPath(new URL("../../apps/studio/public/phantom.safetensors", import.meta.url));

/** Saves what a button of the page offers. @returns the path. */
async function saved(page: Page, button: string, folder: string): Promise<string> {
  const offered = page.waitForEvent("download");
  await page.getByRole("button", { name: button, exact: true }).click();
  const download = await offered;
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

describe.runIf(platform() === "linux" && arch() === "x64")("the studio's Segment", { timeout: 900_000 }, () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await OpenStudio.open();
  });
  afterAll(() => studio.close());

  /** Pixels of the axial plane that are not gray. */
  const colored = (): Promise<number> =>
    studio.page.getByRole("slider", { name: "axial slices" }).evaluate((canvas) => {
      if (!(canvas instanceof HTMLCanvasElement)) return -1;
      const { width, height } = canvas;
      const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
      let count = 0;
      for (let i = 0; i < data.length; i += 4) if (data[i] !== data[i + 1]) count += 1;
      return count;
    });

  test("segments its example in two clicks, to the bytes that the command writes on the same adapter", async () => {
    const { page, folder } = studio;
    await page.getByRole("button", { name: "Open the example scan" }).click();
    await page.getByRole("button", { name: "Segment", exact: true }).click({ timeout: 60_000 });
    await page.locator(".classes").waitFor({ timeout: 600_000 });
    const labels = await saved(page, "Labels .nii.gz", folder);
    const statistics = await saved(page, "Statistics .json", folder);
    const preview = await saved(page, "Preview .png", folder);

    const task = join(folder, "example");
    await writePhantom(nodeStorage, task, { cases: 1, testCases: 0, size: 128, slices: [32, 32], seed: 2026 });
    const scan = join(task, "imagesTr/phantom_001.nii.gz");
    const out = join(folder, "command/phantom_001.nii.gz");
    await mkdir(dirname(out));
    // The adapter of this browser.
    const words = ["segment", scan, "-m", bundledModel, "-o", dirname(out), "--preview", "--device", "swiftshader"];
    expect(await runCommand(words)).toMatchObject({ code: 0 });

    const [inPage, inNode] = [await readNifti(nodeStorage, labels), await readNifti(nodeStorage, out)];
    expect(inPage.header).toEqual(inNode.header);
    let apart = 0;
    for (let i = 0; i < inNode.data.length; i++) if (inPage.data[i] !== inNode.data[i]) apart += 1;
    expect(apart).toBe(0);
    const sameBytes = async (one: string, other: string): Promise<boolean> =>
      (await readFile(one)).equals(await readFile(other));
    expect(await sameBytes(labels, out)).toBe(true);
    expect(await sameBytes(preview, out.replace(".nii.gz", ".png"))).toBe(true);
    const said = async (path: string) => {
      const { labels: found } = segmentRecordSchema.parse(JSON.parse(await readFile(path, "utf8")));
      const { by, volumes, notes } = found["phantom_001.nii.gz"] ?? {};
      return { by, volumes, notes };
    };
    expect(await said(statistics)).toEqual(await said(join(dirname(out), "segment.json")));
  });

  test("goes through the slices by wheel and keys, and takes a class out of the picture", async () => {
    const { page } = studio;
    const axial = page.getByRole("slider", { name: "axial slices" });
    const slice = async () => Number(await axial.getAttribute("aria-valuenow"));
    const before = await slice();
    await axial.press("ArrowUp");
    expect(await slice()).toBe(before + 1);
    await axial.hover();
    await page.mouse.wheel(0, 100);
    await expect.poll(slice).toBe(before);

    await expect.poll(colored).toBeGreaterThan(500);
    await page.getByRole("checkbox", { name: "Show liver" }).uncheck();
    await page.getByRole("checkbox", { name: "Show cancer" }).uncheck();
    await expect.poll(colored).toBe(0);
  });

  test("axe finds nothing wrong with a result and with the tools to correct it, in both themes and widths, and keys reach all", async () => {
    await studio.page.getByRole("button", { name: "Brush" }).click();
    await expectCare(studio.page);
    await expectKeyboard(studio.page);
    await studio.page.getByRole("button", { name: "Look", exact: true }).click();
  });

  test("lays over a slice what an attention gate lets through", async () => {
    const { page } = studio;
    await page.getByRole("button", { name: /^Look at axial slice/ }).click();
    await page.getByText(/^Yellow passes most/).waitFor({ timeout: 300_000 });
    const gates = page.getByLabel("Attention gates").locator("option");
    expect(await gates.allTextContents()).toEqual(["decoder.0.gate", "decoder.1.gate", "decoder.2.gate"]);
    await expect.poll(colored).toBeGreaterThan(500);
    await page.getByRole("button", { name: "Show the labels again" }).click();
    await expect.poll(colored).toBe(0);
  });

  test("draws the scan in 3D, which can be turned", async () => {
    const { page } = studio;
    await page.getByRole("button", { name: "3D view" }).click();
    const view = page.getByLabel("The scan and its labels in 3D");
    await expect.poll(() => view.getAttribute("aria-busy"), { timeout: 120_000 }).toBe("false");
    const before = await view.screenshot();
    await view.dragTo(view, {
      sourcePosition: { x: 200, y: 200 },
      targetPosition: { x: 300, y: 220 },
      // Without a GPU each frame of the drag takes seconds.
      timeout: 200_000,
    });
    await expect.poll(async () => before.equals(await view.screenshot()), { timeout: 60_000 }).toBe(false);
    await page.getByRole("button", { name: "3D view" }).click();
  });

  test("says what is wrong with a file, and takes a scan as a file", async () => {
    const { page, folder } = studio;
    await page.getByText("Open another scan").click();
    const choose = async (path: string): Promise<void> => {
      const chooser = page.waitForEvent("filechooser");
      await page.getByRole("button", { name: "Drop or choose scans" }).click();
      await (await chooser).setFiles(path);
    };
    await choose(bundledModel);
    await expect.poll(() => page.locator(".notice").allTextContents()).toEqual([expect.stringContaining("is no scan")]);
    await page.getByRole("button", { name: "Dismiss" }).click();
    await writeFile(join(folder, "broken.nii"), "no volume at all");
    await choose(join(folder, "broken.nii"));
    await expect.poll(() => page.locator(".notice").allTextContents()).toEqual([expect.stringContaining("broken.nii")]);
    await page.getByRole("button", { name: "Dismiss" }).click();
    expect(await page.locator(".scans li").allTextContents()).toEqual(["Example"]);
    await choose(join(folder, "example/imagesTr/phantom_001.nii.gz"));
    await page.getByRole("button", { name: "phantom_001", pressed: true }).waitFor({ timeout: 60_000 });
  });

  test("refuses slices that the adapter cannot hold by the scan's header, and says so", async () => {
    const { page, folder } = studio;
    const path = join(folder, "wide.nii.gz");
    const affine = [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
    ] as const;
    const [shape, spacing] = [
      [1600, 1600, 1],
      [1, 1, 1],
    ] as const;
    await writeNifti(nodeStorage, path, { shape, spacing, affine, data: new Int16Array(1600 * 1600) });
    for (const worker of page.workers())
      await worker.evaluate(() => {
        // What WebGPU promises of every adapter.
        const get = (): number => 2 ** 27;
        Object.defineProperty(GPUSupportedLimits.prototype, "maxStorageBufferBindingSize", { get });
      });
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Drop or choose scans" }).click();
    await (await chooser).setFiles(path);
    await page.getByRole("button", { name: "wide", pressed: true }).waitFor();
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await expect
      .poll(() => page.locator(".notice").allTextContents(), { timeout: 60_000 })
      .toEqual([
        expect.stringMatching(
          /Slices of 1600×1600, as wide has them, are too large for this browser's adapter \(.*\); crop the scan/,
        ),
      ]);
    await page.getByRole("button", { name: "Dismiss" }).click();
    await page.getByRole("button", { name: "phantom_001", exact: true }).click();
  });

  test("ends when it is told to", async () => {
    const { page } = studio;
    await page.getByText("Options, other models").click();
    await page.getByRole("checkbox", { name: /Average/ }).check();
    await page.getByRole("button", { name: "Segment", exact: true }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator(".work").waitFor({ state: "detached", timeout: 300_000 });
    expect(await page.locator(".classes").count()).toBe(0);
    expect(await page.locator(".notice").count()).toBe(0);
  });

  test("scans and labels that are kept are listed with their sizes, and removed for good", async () => {
    const { page } = studio;
    await page.getByRole("link", { name: "This browser" }).click();
    const kept = page.getByLabel("Scans, labels and models").locator("tbody th");
    await expect
      .poll(() => kept.allTextContents())
      .toEqual(["example", "phantom_001.nii.gz", "wide.nii.gz", "scans/example/imagesTr/phantom_001.nii.gz"]);
    const remove = async (what: string): Promise<void> => {
      await page.getByRole("button", { name: `Remove ${what}`, exact: true }).click();
      await page.getByRole("button", { name: `Remove ${what}: yes` }).click();
    };
    await remove("scan phantom_001.nii.gz");
    await remove("labels scans/example/imagesTr/phantom_001.nii.gz");
    await remove("scan wide.nii.gz");
    await expect.poll(() => kept.allTextContents()).toEqual(["example"]);
    await page.getByRole("navigation").getByRole("link", { name: "Segment" }).click();
    // The scan that was open is gone, and so the page begins anew.
    await page.getByText("Drop a scan here, or choose one").waitFor();
  });

  test("keeps its policy, and asks nobody else", () => {
    expect(studio.problems).toEqual([]);
  });
});
