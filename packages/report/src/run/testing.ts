import { type DecodedPng, decode } from "fast-png";
import { expect } from "vitest";
import type { SliceView } from "../picture/slice-picture.js";

const empty = new Set(["meta", "!doctype", "img", "input"]);

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

/** A slice that is brighter to the right. */
export function sliceView(size: number, changes: Partial<SliceView> = {}): SliceView {
  const image = Float32Array.from({ length: size * size }, (_, i) => (i % size) / size);
  return { image, width: size, height: size, ...changes };
}

/** A map of labels: `label` in columns `from`..`to` − 1 and rows likewise. */
export const square = (size: number, from: number, to: number, label = 1): Uint8Array =>
  Uint8Array.from({ length: size * size }, (_, i) => {
    const [x, y] = [i % size, Math.floor(i / size)];
    return x >= from && x < to && y >= from && y < to ? label : 0;
  });

/** A picture without transparency, 3 bytes a pixel. */
export function decodeRgb(bytes: Uint8Array): DecodedPng {
  const picture = decode(bytes);
  expect([picture.channels, picture.depth]).toEqual([3, 8]);
  return picture;
}

export const colorAt = ({ data, width }: DecodedPng, x: number, y: number): number[] => [
  ...data.subarray(3 * (y * width + x), 3 * (y * width + x) + 3),
];

/** How many pixels have just this color. */
export function count(picture: DecodedPng, color: readonly number[]): number {
  let n = 0;
  for (let i = 0; i < picture.width * picture.height; i++) {
    if (color.every((value, k) => picture.data[3 * i + k] === value)) n++;
  }
  return n;
}
