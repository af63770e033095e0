import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { expect, test } from "vitest";
import { readBuiltPage } from "../../packages/lobule/src/studio/built-page.js";
import { servePage } from "../../packages/lobule/src/studio/page-server.js";
import { buildPage } from "./open-studio.js";
import { TrainPage } from "./train-page.js";

/** Debian's: the one that comes with npm shows every tab as visible. */
const path = "/usr/bin/chromium";

/** Milliseconds of a measurement. They are short and take turns, so that other work of the machine meets both states. */
const window = 2000;
/** Pairs of measurements: more than the fewest where a busy machine makes them differ. */
const [fewest, most] = [4, 16];

/** Starts the browser as a user has it: what Playwright starts never treats a tab as hidden. @returns where it answers. */
async function started(profile: string): Promise<[ChildProcess, string]> {
  const words = ["--headless=new", "--remote-debugging-port=0", `--user-data-dir=${profile}`, "--no-sandbox"];
  const quiet = ["--no-first-run", "--disable-sync", "--disable-background-networking", "--disable-component-update"];
  const child = spawn(path, [...words, ...quiet, "--enable-unsafe-webgpu", "--disable-gpu-watchdog", "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr?.on("data", (bytes: Buffer) => {
      said += bytes.toString();
      const found = /ws:\/\/\S+/.exec(said);
      if (found !== null) resolve(found[0]);
    });
    child.once("exit", () => reject(new Error(`the browser ended: ${said}`)));
  });
  return [child, address];
}

/** Counts what a page's workers submit to the GPU: a step submits as much as any other. */
async function countSubmissions(page: Page): Promise<void> {
  for (const worker of page.workers())
    await worker.evaluate(() => {
      const { submit } = GPUQueue.prototype;
      Object.assign(globalThis, { submitted: 0 });
      GPUQueue.prototype.submit = function (...commands) {
        Object.assign(globalThis, { submitted: 1 + Number(Reflect.get(globalThis, "submitted")) });
        return submit.apply(this, commands);
      };
    });
}

const submitted = async (page: Page): Promise<number> => {
  const counts = page.workers().map((worker) => worker.evaluate(() => Number(Reflect.get(globalThis, "submitted"))));
  return (await Promise.all(counts)).reduce((sum, each) => sum + (each || 0), 0);
};

test("a run in a hidden tab keeps nine tenths of its rate", { timeout: 600_000 }, async (context) => {
  if (!existsSync(path)) return context.skip("Debian's Chromium is not installed here, and npm's hides no tab");
  const folder = await mkdtemp(join(tmpdir(), "lobule-hidden-"));
  await buildPage(join(folder, "page"));
  const server = await servePage(await readBuiltPage(join(folder, "page")), {
    port: 0,
    base: "/",
    answer: () => false,
  });
  const [child, address] = await started(join(folder, "profile"));
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  try {
    const [tabs = await browser.newContext()] = browser.contexts();
    const page = await tabs.newPage();
    page.setDefaultTimeout(180_000);
    await page.goto(`${server.address}#train`);
    const train = new TrainPage(page, folder);
    await train.makePhantom();
    await train.enter({ Epochs: 5000, Batch: 2, "Base features": 1, Depth: 1, "Early stopping patience": 5000 });
    await train.start("hidden");
    await train.step(16);
    await countSubmissions(page);
    const other = await tabs.newPage();
    /** Submissions in a window of time, while the tab is in front or behind another. */
    const measured = async (state: "visible" | "hidden"): Promise<number> => {
      await (state === "visible" ? page : other).bringToFront();
      await expect.poll(() => page.evaluate(() => document.visibilityState)).toBe(state);
      const before = await submitted(page);
      const began = performance.now();
      await new Promise((resolve) => setTimeout(resolve, window));
      return (1000 * ((await submitted(page)) - before)) / (performance.now() - began);
    };
    let [visible, hidden] = [0, 0];
    for (let pair = 1; pair <= most; pair++) {
      visible += await measured("visible");
      hidden += await measured("hidden");
      console.info(`${pair}: hidden ${(hidden / visible).toFixed(2)} of visible`);
      if (pair >= fewest && hidden >= 0.9 * visible) break;
    }
    expect(visible).toBeGreaterThan(0);
    expect(hidden / visible).toBeGreaterThanOrEqual(0.9);
  } finally {
    await browser.close();
    child.kill();
    await server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
});
