import { expect, test } from "vitest";
import { plural } from "./plural.js";

test("one thing, several, and several whose name is more than an s", () => {
  const counts = [plural(1, "case"), plural(0, "case"), plural(1482, "slice"), plural(2, "entry", "entries")];
  expect(counts).toEqual(["1 case", "0 cases", "1,482 slices", "2 entries"]);
});
