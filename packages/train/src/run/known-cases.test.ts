import { describe, expect, test } from "vitest";
import { KnownCases } from "./known-cases.js";

const split = { training: ["a", "b"], validation: ["c"] };
const cases = { a: "content a", b: "content b", c: "content c" };
const images = { a: "image a", b: "image b", c: "image c" };
const known = new KnownCases(split, { cases, images });

describe("a case of a run is recognized", () => {
  test("by what it holds, whatever it is called", () => {
    expect(known.recognize({ content: "content b", image: "image b" })).toEqual({
      name: "b",
      use: "training",
      imageOnly: false,
    });
    expect(known.recognize({ content: "content c", image: "image c" })?.use).toBe("validation");
    expect(known.recognize({ content: "new", image: "new" })).toBeUndefined();
  });

  test("by its image where its labels were drawn again", () => {
    expect(known.recognize({ content: "new labels", image: "image a" })).toEqual({
      name: "a",
      use: "training",
      imageOnly: true,
    });
  });

  test("as trained on where a validation case shows the image of a training case", () => {
    const twice = new KnownCases(split, { cases, images: { ...images, c: "image a" } });
    expect(twice.recognize({ content: "content c", image: "image a" })).toMatchObject({ name: "a", use: "training" });
  });

  test("by content alone for a run that did not write its images down, not at all for one without a workload", () => {
    const older = new KnownCases(split, { cases });
    expect(older.recognize({ content: "content a", image: "image a" })?.use).toBe("training");
    expect(older.recognize({ content: "new labels", image: "image a" })).toBeUndefined();
    const oldest = new KnownCases(split, null);
    expect(oldest.checkable).toBe(false);
    expect(oldest.recognize({ content: "content a", image: "image a" })).toBeUndefined();
  });

  test("as changed, by its name", () => {
    expect(known.changed("c", { content: "content c", image: "" })).toBe(false);
    expect(known.changed("c", { content: "rebuilt", image: "" })).toBe(true);
    expect(known.changed("d", { content: "rebuilt", image: "" })).toBeUndefined();
  });
});
