import { readdir, readFile, writeFile } from "node:fs/promises";
import { arch, platform } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readBuiltPage } from "../../packages/lobule/src/studio/built-page.js";
import { type PageServer, servePage } from "../../packages/lobule/src/studio/page-server.js";
import { OpenStudio } from "./open-studio.js";

const places = ["segment", "train", "compare", "browser"] as const;

/** Serves a built page whose workers have no WebGPU, as browsers that do not know it. */
async function serveWithoutWebGpu(folder: string): Promise<PageServer> {
  const assets = join(folder, "assets");
  const [name = ""] = (await readdir(assets)).filter((each) => each.startsWith("engine-worker-"));
  const script = await readFile(join(assets, name), "utf8");
  await writeFile(join(assets, name), `delete WorkerNavigator.prototype.gpu;${script}`);
  return servePage(await readBuiltPage(folder), { port: 0, base: "/", answer: () => false });
}

describe.runIf(platform() === "linux" && arch() === "x64")("every place says in one sentence what is wrong", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await OpenStudio.open("", { gpu: false });
  });
  afterAll(() => studio.close());

  /** What a place says, once it has asked the browser. */
  const said = async (place: string): Promise<string> => {
    await studio.page.evaluate((hash) => {
      location.hash = hash;
    }, place);
    const problem = studio.page.locator("[role=alert], main .problem-text").first();
    await problem.waitFor({ timeout: 60_000 });
    return (await problem.textContent()) ?? "";
  };

  test.each(places)("a browser without an adapter, and what to do with this one on this system: %s", async (place) => {
    expect(await said(place)).toBe(
      "The browser's WebGPU finds no adapter to compute on; update the driver of the GPU and, if that is not enough, open chrome://flags, turn on Unsafe WebGPU Support and Vulkan, and start the browser again (chrome://gpu says what is missing).",
    );
  });

  test.each(places)("an adapter that does not exist: %s", async (place) => {
    await studio.goTo("?adapter=quick");
    expect(await said(place)).toBe(
      'The page\'s address asks for the adapter "quick"; ?adapter= takes high-performance, low-power or fallback.',
    );
  });

  test("what needs no adapter still works, without an error in the console", async () => {
    await studio.goTo("#segment");
    await studio.page.getByRole("button", { name: "Open the example scan" }).click();
    await studio.page.locator("canvas").first().waitFor({ timeout: 60_000 });
    expect(studio.problems.filter((problem) => !/No available adapters/.test(problem))).toEqual([]);
  });

  test("a browser without WebGPU, and what to do with this one on this system", async () => {
    const server = await serveWithoutWebGpu(join(studio.folder, "page"));
    try {
      await studio.page.goto(server.address);
      for (const place of places)
        expect(await said(place), place).toMatch(
          /^This browser has no WebGPU.*; update the browser and, if that is not enough, open chrome:\/\/flags/,
        );
    } finally {
      await server.close();
    }
  });
});
