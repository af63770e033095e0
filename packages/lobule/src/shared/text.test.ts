import { textWidth } from "@lobule/data";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { brief, fit, wrap } from "./text.js";

describe("text", () => {
  it("fit gives exactly the width asked for, with both ends of a long text", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 3, max: 30 }), (text, width) => {
        expect(textWidth(fit(text, width))).toBe(width);
      }),
    );
    expect(fit("hepaticvessel_001", 9)).toBe("hepa…_001");
    expect(fit("a", 3)).toBe("a  ");
  });

  it("wrap keeps every word and 80 columns", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^\w{1,20}$/), { minLength: 1 }), (words) => {
        const lines = wrap(words.join(" "), "    ");
        expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
        expect(lines.map((line) => line.slice(4)).join(" ")).toBe(words.join(" "));
      }),
    );
    const long = "x".repeat(100);
    expect(wrap(`see ${long} there`, "")).toEqual(["see", long, "there"]);
  });

  it("numbers read well", () => {
    expect([brief(0.918), brief(5), brief(-1024), brief(0.9179999828)]).toEqual(["0.918", "5", "-1024", "0.918"]);
  });
});
