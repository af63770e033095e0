import { arch, platform } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectCare, expectKeyboard, widths } from "./findings.js";
import { OpenStudio } from "./open-studio.js";

const places = ["segment", "train", "compare", "browser", "live"] as const;
describe.runIf(platform() === "linux" && arch() === "x64")("the page is made with care", () => {
  let studio: OpenStudio;
  beforeAll(async () => {
    studio = await OpenStudio.open();
  });
  afterAll(() => studio.close());

  const show = async (place: string): Promise<void> => {
    await studio.page.evaluate((hash) => {
      location.hash = hash;
    }, place);
    await studio.page.waitForSelector("main h1");
    await new Promise((settled) => setTimeout(settled, 500));
  };

  test("the first usable screen is there within 2 s", async () => {
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      // The first time it came over the network.
      if (i > 0) await studio.page.reload();
      await studio.page.waitForSelector("main h1");
      const time = await studio.page.evaluate(
        () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
      );
      times.push(time);
    }
    console.info(`first screen after ${times.map((time) => time.toFixed(0)).join(", ")} ms`);
    expect(Math.max(...times)).toBeLessThan(2000);
  });

  test.each(places)("axe finds nothing on %s, in both themes and widths", async (place) => {
    await expectCare(studio.page, () => show(place));
  });

  test.each(places)(
    "every control of %s is reached by the keyboard, in the order of the page, with a visible focus",
    async (place) => {
      const { page } = studio;
      await page.setViewportSize(widths[0]);
      await show(place);
      await expectKeyboard(page);
    },
  );
});
