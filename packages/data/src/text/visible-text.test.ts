import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cutText, fitText, textWidth, visibleJson, visibleText } from "./visible-text.js";

/** What no terminal should be sent as part of a name. */
const harmful = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]/u;
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\x1b[31m", "\x9b2J", "\x1b]0;title\x07", "\x1b]8;;http://a\x1b\\", "\u202e", "\n", "\r", "\x7f"),
    ),
  )
  .map((parts) => parts.join(""));

describe("visibleText", () => {
  test.each([
    ["liver", "liver"],
    ["Leber – größer, 肝臓, कबद, 👩‍⚕️", "Leber – größer, 肝臓, कबद, 👩‍⚕️"],
    ["a\x1b[2Jb", "a\\x1b[2Jb"],
    ["a\x9b2J", "a\\x9b2J"],
    ["a\nb\tc\rd\0", "a\\nb\\tc\\rd\\x00"],
    ["\u202egpj.exe", "\\u202egpj.exe"],
    ["x\u2028y\u2069\ufeff\x7f", "x\\u2028y\\u2069\\ufeff\\x7f"],
    ["half \ud800", "half \\ud800"],
    ["tag \u{e0041}", "tag \\u{e0041}"],
    ["C:\\new\\table", "C:\\new\\table"],
  ])("%j", (text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  test("leaves nothing that a terminal would obey, and what it has shown as it is", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const shown = visibleText(text);
        expect(shown).not.toMatch(harmful);
        expect(visibleText(shown)).toBe(shown);
      }),
    );
  });
});

describe("visibleJson", () => {
  test("holds the same values and nothing that a terminal would obey", () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, hostile), fc.constantFrom(undefined, 2), (value, indent) => {
        const shown = visibleJson(JSON.stringify(value, null, indent));
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(shown.replaceAll("\n", "")).not.toMatch(harmful);
      }),
    );
    expect(visibleJson(JSON.stringify("\u{e0041}\x9b"))).toBe('"\\udb40\\udc41\\u009b"');
  });
});

describe("fitText", () => {
  test("takes exactly the columns asked for", () => {
    fc.assert(
      fc.property(
        fc.oneof(hostile, fc.string({ unit: "grapheme" })),
        fc.integer({ min: 3, max: 30 }),
        (text, width) => {
          expect(textWidth(fitText(text, width))).toBe(width);
          expect(textWidth(cutText(text, width))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });

  test.each([
    ["hepaticvessel_001", 9, "hepa…_001"],
    ["a", 3, "a  "],
    ["肝臓", 6, "肝臓  "],
    ["肝臓と腫瘍", 7, "肝…瘍  "],
    ["a\nb", 6, "a\\nb  "],
  ])("%j in %d", (text, width, shown) => {
    expect(fitText(text, width)).toBe(shown);
  });
});
