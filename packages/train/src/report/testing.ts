import { expect } from "vitest";

const empty = new Set(["meta", "!doctype", "img"]);

/** Checks that every element is closed in order, that every attribute is quoted and that text holds no bare markup. */
export function checkWellFormed(page: string): void {
  const open: string[] = [];
  const body = page.replace(/<style>[^<]*<\/style>/, "");
  const token = /<(\/?)([!\w]+)((?: [\w-]+="[^"<>]*")*| html)(\/?)>|([^<>]+)/gy;
  let at = 0;
  for (const [whole, closing, name = "", , selfClosed, text] of body.matchAll(token)) {
    at += whole.length;
    if (text !== undefined) expect(text).not.toMatch(/&(?!(amp|lt|gt|quot|#39);)/);
    else if (closing) expect(open.pop()).toBe(name);
    else if (!selfClosed && !empty.has(name)) open.push(name);
  }
  expect(body.slice(at, at + 80)).toBe("");
  expect(open).toEqual([]);
}

/** Checks that a browser would neither run nor fetch anything. */
export function checkSelfContained(page: string): void {
  expect(page).not.toMatch(/<(script|link|iframe|object|embed|base|form)\b|javascript:|@import|url\(| on\w+=/i);
  expect(page.match(/(?:src|href)="(?!data:image\/png;base64,)[^"]*"/g)).toBeNull();
  expect(page).not.toMatch(/https?:\/\//);
  expect(page).toContain("default-src 'none'; img-src data:; style-src 'unsafe-inline'");
}

/** What is read on the page: tags away. */
export const words = (page: string): string =>
  page
    .replace(/<style>[^<]*<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");
