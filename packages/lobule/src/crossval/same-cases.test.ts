import { expect, test } from "vitest";
import { requireSameCases } from "./same-cases.js";

const before = { data: "here", contents: { a: "1", b: "2", c: "3", d: "4", e: "5" } };

test.each<[string, Record<string, string>, string]>([
  ["more", { ...before.contents, f: "6" }, "f is new"],
  ["fewer, and others", { a: "1", b: "2", c: "3", d: "0" }, "e is gone; d holds something else"],
  ["quite others", { a: "6", b: "7", c: "8", d: "9", e: "5" }, "4 cases hold something else"],
])("cases that changed are named: %s", (_, contents, what) => {
  expect(() => requireSameCases(before, { data: "here", contents }, "folds")).toThrow(
    `the cases have changed since folds began: ${what}; put them back, or name another folder by --out`,
  );
});

test("the same cases pass, and what is refused for more than its cases", () => {
  requireSameCases(before, before, "folds");
  requireSameCases(before, { data: "there", contents: { a: "6" } }, "folds");
  requireSameCases({ variants: [] }, before, "folds");
});
