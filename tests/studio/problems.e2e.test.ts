import { arch, platform } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OpenStudio } from "./open-studio.js";

const places = ["segment", "train", "compare", "browser"] as const;

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
});
