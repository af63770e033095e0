import { expect, test } from "vitest";
import { boxOfParts } from "./box-of-parts.js";

const box = (rows: readonly string[], share: number) => {
  const marked = Uint8Array.from(rows.join(""), (each) => (each === "." ? 0 : 1));
  return boxOfParts(marked, [rows[0]?.length ?? 0, rows.length], share);
};
const body = [".......", ".####..", ".####.#", ".......", "##....."];

test("the box holds all parts that are large enough beside the largest", async () => {
  expect(await box(body, 0.5)).toEqual({ x: 1, y: 1, width: 4, height: 2 });
  expect(await box(body, 0.25)).toEqual({ x: 0, y: 1, width: 5, height: 4 });
  expect(await box(body, 0)).toEqual({ x: 0, y: 1, width: 7, height: 4 });
});

test("of a slice without any there is none, and one that is full is its own", async () => {
  expect(await box(["...", "..."], 0.25)).toBeUndefined();
  expect(await box(["##", "##"], 0.25)).toEqual({ x: 0, y: 0, width: 2, height: 2 });
});
