import { arch, platform } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OpenStudio } from "./open-studio.js";

describe.runIf(platform() === "linux" && arch() === "x64")("the studio's shell", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await OpenStudio.open();
  });
  afterAll(() => studio.close());

  test("has three places, and a page that says what this browser offers", async () => {
    const { page } = studio;
    for (const place of ["Segment", "Train", "Compare"]) {
      await page.getByRole("navigation").getByRole("link", { name: place }).click();
      await expect.poll(() => page.locator("main h1").textContent()).toBe(place);
    }
    await page.getByRole("link", { name: "This browser" }).click();
    await expect.poll(() => page.locator("main").textContent(), { timeout: 60_000 }).toContain("Largest buffer");
  });

  test("keeps its policy, and asks nobody else", () => {
    expect(studio.problems).toEqual([]);
  });
});
