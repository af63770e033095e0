import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";

/** The widths of window that the page is made for. */
export const widths = [
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

/** Whether the page is wider than the window, or a list whose rows are to be stacked is wider than its frame. */
const overflows = (page: Page): Promise<boolean> =>
  page.evaluate(() => {
    const stacked = [...document.querySelectorAll(".stacked, .runs")].flatMap(
      (list) => list.closest(".scrolled") ?? [],
    );
    return [document.documentElement, ...stacked].some(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth);
  });

/**
 * Expects that axe finds nothing wrong with the page as it is shown, and that nothing leaves the window, in both themes and
 * widths.
 * @param settle is awaited after each change of width and theme.
 */
export async function expectCare(page: Page, settle: () => Promise<void> = async () => undefined): Promise<void> {
  // As the debugger does it: the page's own policy allows no script of others.
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8"));
  const theme = await page.evaluate(() => document.documentElement.dataset.theme ?? "light");
  const viewport = page.viewportSize();
  for (const size of widths) {
    await page.setViewportSize(size);
    for (const each of ["light", "dark"]) {
      await page.evaluate((name) => {
        document.documentElement.dataset.theme = name;
      }, each);
      await settle();
      expect(await findings(page), `${each}, ${size.width}`).toEqual([]);
      expect(await overflows(page), `at ${size.width} the page, or a list in it, is too wide`).toBe(false);
    }
  }
  await page.evaluate((name) => {
    document.documentElement.dataset.theme = name;
  }, theme);
  if (viewport !== null) await page.setViewportSize(viewport);
}

/** Expects that the tabulator reaches every control that the page shows, each with a focus that is seen. */
export async function expectKeyboard(page: Page): Promise<void> {
  const wanted = await page.evaluate(() => {
    const controls = "a[href], button, input, select, textarea, summary, [tabindex='0']";
    const left = new Set(
      [...document.querySelectorAll<HTMLElement>(controls)].filter(
        (element) =>
          element.checkVisibility() &&
          !(element instanceof HTMLButtonElement && element.disabled) &&
          element.closest("[inert]") === null,
      ),
    );
    Object.assign(globalThis, { left });
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    return left.size;
  });
  const invisible: string[] = [];
  let left = wanted;
  // A report has controls of its own, which the page counts as one.
  for (let i = 0; left > 0 && i < 2 * wanted + 20; i++) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const unreached: Set<Element> = Reflect.get(globalThis, "left");
      const element = document.activeElement ?? document.body;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const seen = !unreached.delete(element) || (outlineStyle !== "none" && outlineWidth !== "0px");
      return { left: unreached.size, html: element.outerHTML.slice(0, 120), seen };
    });
    left = focus.left;
    if (!focus.seen) invisible.push(focus.html);
  }
  expect(invisible).toEqual([]);
  const unreached = await page.evaluate(() =>
    [...(Reflect.get(globalThis, "left") as Set<Element>)].map(({ outerHTML }) => outerHTML.slice(0, 120)),
  );
  expect(unreached).toEqual([]);
}
