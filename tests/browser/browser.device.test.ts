import { mkdtemp, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { arch, platform, tmpdir } from "node:os";
import { join } from "node:path";
import { openGpu } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundled, launch, serve, unpackChromium } from "./chromium.js";
import { trainingSteps } from "./training-step.js";

describe.runIf(platform() === "linux" && arch() === "x64")("in headless Chromium", () => {
  let folder: string;
  let server: Server;
  let address: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lobule-browser-"));
    await unpackChromium(folder);
    [server, address] = await serve(await bundled({ step: "step-page.ts" }), "/step.js");
  });
  afterAll(async () => {
    server.close();
    await rm(folder, { recursive: true, force: true });
  });

  test("three steps of training give what they give in Node", async () => {
    const browser = await launch(folder, join(folder, "profile"));
    try {
      const page = await browser.newPage();
      await page.goto(address);
      await page.waitForFunction("globalThis.trainingSteps !== undefined");
      const inPage = (await page.evaluate("trainingSteps(navigator.gpu)")) as Awaited<ReturnType<typeof trainingSteps>>;
      const inNode = await trainingSteps(await openGpu());
      expect(inPage.losses).toHaveLength(3);
      inPage.losses.forEach((loss, i) => {
        expect(Math.abs(loss - (inNode.losses[i] ?? Number.NaN)) / loss, `step ${i + 1}`).toBeLessThan(1e-5);
      });
      const size = Math.hypot(...inNode.logits);
      const apart = Math.hypot(...inPage.logits.map((value, i) => value - (inNode.logits[i] ?? Number.NaN)));
      expect(apart / size, `${inPage.adapter} and ${inNode.adapter}`).toBeLessThan(1e-4);
    } finally {
      await browser.close();
    }
  });
});
