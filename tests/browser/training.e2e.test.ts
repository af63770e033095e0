import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writePhantom } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { unzipFolder, zipFolder } from "@lobule/web";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundled, launch, serve, unpackChromium } from "./chromium.js";
import { phantom } from "./phantom.js";

interface Finished {
  readonly outcome: string;
  readonly best: string;
  readonly last: string;
  readonly epochs: number;
}

const command = fileURLToPath(new URL("../../packages/lobule/bin/lobule.js", import.meta.url));
const lobule = (...args: string[]) => promisify(execFile)(process.execPath, [command, ...args]);

/** A browser compiles every kernel when it is started; two busy cores take minutes for it. */
const patient = { timeout: 1_200_000 };

describe.runIf(platform() === "linux" && arch() === "x64")("training in a browser's worker", patient, () => {
  let folder: string;
  let server: Server;
  let address: string;
  let browser: BrowserContext;
  let page: Page;
  /** Starts the browser, whose files outlive it, and opens the page. On a busy machine it may start without its GPU. */
  const open = async (attempts = 3): Promise<void> => {
    browser = await launch(folder, join(folder, "profile"));
    page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction("globalThis.call !== undefined");
    const ready = await call("ready").then(
      () => true,
      () => false,
    );
    if (ready || attempts === 1) return;
    await browser.close();
    await open(attempts - 1);
  };
  const call = <Result>(...args: unknown[]): Promise<Result> =>
    page.evaluate(`call(${args.map((each) => JSON.stringify(each)).join(", ")})`) as Promise<Result>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-training-"));
    await unpackChromium(folder);
    const scripts = await bundled({
      page: "page.ts",
      worker: "training-worker.ts",
      "task-worker": "../../packages/web/dist/storage/task-worker.js",
    });
    [server, address] = await serve(scripts, "/page.js");
    await open();
  });
  afterAll(async () => {
    await browser.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("a run whose tab was killed in an epoch ends with the bytes of one that was left alone", async () => {
    expect(await call("phantom")).toMatchObject({ directory: "/data", cases: 5 });
    const whole = await call<Finished>("train", "/runs/whole");
    expect(whole).toMatchObject({ outcome: "all epochs done", epochs: 2 });
    await call("trainUntil", "/runs/killed", 3);
    await page.goto("chrome://crash").catch(() => undefined);
    await browser.close();
    await open();
    expect(await call("resume", "/runs/killed")).toEqual(whole);
  });

  test("the run is evaluated, reported on, and labels a scan", async () => {
    expect(await call("evaluate", "/runs/killed")).toEqual({ classes: 2, cases: ["phantom_002"] });
    expect(await call("report", "/runs/killed")).toMatch(/^<!doctype html>/i);
    expect(await call("segment", "/runs/killed", "phantom_006.nii.gz")).toHaveLength(3);
  });

  test("its folder, zipped, is resumed by the command in Node, and one of Node's in the browser", async () => {
    const [data, run] = [join(folder, "data"), join(folder, "run")];
    await writePhantom(nodeStorage, data, phantom);
    await unzipFolder(nodeStorage, Uint8Array.from(await call<number[]>("zip", "/runs/killed")), run);
    const resume = ["train", "--resume", run, "--data", data, "--epochs", "3", "--cache", join(folder, "cache")];
    expect((await lobule(...resume)).stdout).toContain("all epochs done");
    await call("unzip", [...(await zipFolder(nodeStorage, run))], "/runs/back");
    expect(await call("resume", "/runs/back", 4)).toMatchObject({ outcome: "all epochs done", epochs: 4 });
  });
});
