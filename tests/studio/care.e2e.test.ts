import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, platform } from "node:os";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OpenStudio } from "./open-studio.js";

const places = ["segment", "train", "compare", "browser", "live"] as const;
const widths = [
  { width: 1280, height: 720 },
  { width: 390, height: 844 },
] as const;

/** What axe finds wrong with the page as it is shown. */
async function findings(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate(async () => {
    const found: AxeResults = await Reflect.get(globalThis, "axe").run(document);
    return found;
  });
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 160)}`));
}

/** Whether the page is wider than the window. */
const overflows = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);

describe.runIf(platform() === "linux" && arch() === "x64")("the page is made with care", () => {
  let studio: OpenStudio;
  let axe: string;
  beforeAll(async () => {
    axe = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");
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
    const { page } = studio;
    // As the debugger does it: the page's own policy allows no script of others.
    await page.evaluate(axe);
    for (const viewport of widths) {
      await page.setViewportSize(viewport);
      for (const theme of ["light", "dark"]) {
        await page.evaluate((name) => {
          document.documentElement.dataset.theme = name;
        }, theme);
        await show(place);
        expect(await findings(page), `${theme}, ${viewport.width}`).toEqual([]);
        expect(await overflows(page), `${place} at ${viewport.width} is wider than the window`).toBe(false);
      }
    }
  });

  test.each(places)(
    "every control of %s is reached by the keyboard, in the order of the page, with a visible focus",
    async (place) => {
      const { page } = studio;
      await page.setViewportSize(widths[0]);
      await show(place);
      const wanted = await page.evaluate(
        () =>
          [
            ...document.querySelectorAll<HTMLElement>(
              "a[href], button, input, select, textarea, summary, [tabindex='0']",
            ),
          ].filter(
            (element) =>
              element.checkVisibility() &&
              !(element instanceof HTMLButtonElement && element.disabled) &&
              element.closest("[inert]") === null,
          ).length,
      );
      await page.evaluate(() => {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      });
      const reached = new Set<string>();
      let invisible: string[] = [];
      for (let i = 0; i < wanted + 5; i++) {
        await page.keyboard.press("Tab");
        const focus = await page.evaluate(() => {
          const element = document.activeElement;
          if (element === null || element === document.body) return undefined;
          const { outlineStyle, outlineWidth } = getComputedStyle(element);
          const index = [...document.querySelectorAll("*")].indexOf(element);
          return {
            index,
            html: element.outerHTML.slice(0, 120),
            seen: outlineStyle !== "none" && outlineWidth !== "0px",
          };
        });
        if (focus === undefined) continue;
        reached.add(String(focus.index));
        if (!focus.seen) invisible = [...invisible, focus.html];
      }
      expect(invisible).toEqual([]);
      expect(reached.size).toBe(wanted);
    },
  );
});
