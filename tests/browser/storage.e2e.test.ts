import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { storageChecks } from "@lobule/data";
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { bundled, launch, serve, unpackChromium } from "./chromium.js";

describe.runIf(platform() === "linux" && arch() === "x64")("the storage of a browser", () => {
  let folder: string;
  let server: Server;
  let address: string;
  let browser: BrowserContext;
  const open = async (): Promise<Page> => {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction("globalThis.call !== undefined");
    return page;
  };
  const call = (page: Page, ...args: unknown[]): Promise<unknown> =>
    page.evaluate(`call(${args.map((each) => JSON.stringify(each)).join(", ")})`);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-opfs-"));
    await unpackChromium(folder);
    const scripts = await bundled({ page: "page.ts", worker: "storage-worker.ts" });
    [server, address] = await serve(scripts, "/page.js");
    browser = await launch(folder, join(folder, "profile"));
  });
  afterAll(async () => {
    await browser.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test.each(storageChecks)("$name", async ({ name }) => {
    const page = await open();
    await call(page, "check", name);
    await page.close();
  });

  test("a tab that is killed leaves neither a lock nor, after the next write, a file", async () => {
    const first = await open();
    await call(first, "begin", "/killed");
    const second = await open();
    await expect(call(second, "lock", "/killed")).rejects.toThrow(
      "another tab or worker of this browser trains /killed now; wait for it, or close it",
    );
    expect(await call(second, "list", "/killed")).toHaveLength(1);
    await first.close();
    // The browser gives the lock back a little after the tab is gone.
    await vi.waitFor(() => call(second, "lock", "/killed"), { timeout: 10_000, interval: 100 });
    await call(second, "write", "/killed/other", "text");
    expect(await call(second, "list", "/killed")).toEqual(["other"]);
    await second.close();
  });

  test("files outlive the browser", async () => {
    const before = await open();
    await call(before, "write", "/kept", "text");
    await browser.close();
    browser = await launch(folder, join(folder, "profile"));
    const after = await open();
    expect(await call(after, "read", "/kept")).toBe("text");
    await after.close();
  });

  test("reads a batch of slices in a fraction of a second", async () => {
    const page = await open();
    const milliseconds = Number(await call(page, "time"));
    console.info(`32 slices of 512 × 512: ${milliseconds.toFixed(0)} ms`);
    expect(milliseconds).toBeLessThan(2000);
    await page.close();
  });
});
