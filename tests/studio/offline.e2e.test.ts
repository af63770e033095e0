import { readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBuiltPage } from "../../packages/lobule/src/studio/built-page.js";
import { type PageServer, servePage } from "../../packages/lobule/src/studio/page-server.js";
import { OpenStudio } from "./open-studio.js";

interface Manifest {
  readonly start_url: string;
  readonly display: string;
  readonly icons: readonly { readonly src: string; readonly sizes: string; readonly type: string }[];
}

/** Sides of a PNG, from its header. */
const sidesOf = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return `${view.getUint32(16)}x${view.getUint32(20)}`;
};

describe.runIf(platform() === "linux" && arch() === "x64")("the page without a network", () => {
  let studio: OpenStudio;
  let again: PageServer | undefined;
  beforeAll(async () => {
    studio = await OpenStudio.open("#browser");
  });
  afterAll(async () => {
    await again?.close();
    await studio.close();
  });

  test("is there when it is loaded anew, in the same browser and in one that is started again", async () => {
    await studio.browser.setOffline(true);
    await studio.page.reload();
    await expect.poll(() => studio.page.locator("main").textContent()).toMatch(/without a networkyes/);
    await studio.restart("?adapter=fallback#browser");
    await expect.poll(() => studio.page.locator("main").textContent(), { timeout: 60_000 }).toContain("Largest buffer");
    expect(studio.problems).toEqual([]);
  });

  test("a newer version is taken up from the network, and is there without one once the older is closed", async () => {
    const folder = join(studio.folder, "page");
    const index = join(folder, "index.html");
    const html = await readFile(index, "utf8");
    await writeFile(index, html.replace("<title>Lobule studio", "<title>Newer studio"));
    const worker = join(folder, "service-worker.js");
    const script = await readFile(worker, "utf8");
    await writeFile(worker, script.replace(/pageVersion="\w+"/, 'pageVersion="newer"'));
    const port = Number(new URL(studio.address).port);
    again = await servePage(await readBuiltPage(folder), { port, base: "/", answer: () => false });
    await studio.page.reload();
    expect(await studio.page.title()).toBe("Newer studio");
    const waits = (): Promise<boolean> =>
      studio.page.evaluate(async () => (await navigator.serviceWorker.getRegistration())?.waiting !== null);
    await expect.poll(waits, { timeout: 60_000 }).toBe(true);
    await again.close();
    await studio.restart("#browser");
    expect(await studio.page.title()).toBe("Newer studio");
    expect(await studio.page.evaluate(() => caches.keys())).toEqual(["page newer"]);
    expect(studio.problems).toEqual([]);
  });

  test("its manifest has what a browser needs to install it", async () => {
    const folder = join(studio.folder, "page");
    const manifest = JSON.parse(await readFile(join(folder, "manifest.webmanifest"), "utf8")) as Manifest;
    expect(manifest).toMatchObject({ start_url: "./", display: "standalone" });
    const pictures = manifest.icons.filter(({ type }) => type === "image/png");
    expect(pictures.map(({ sizes }) => sizes)).toEqual(["192x192", "512x512"]);
    for (const { src, sizes } of pictures) expect(sidesOf(await readFile(join(folder, src)))).toBe(sizes);
  });
});
