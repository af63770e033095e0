import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DataError } from "../data-error.js";
import { parseJsonText } from "./json.js";

/** Nothing here may take long. */
const soon = { timeout: 5000 };

describe("JSON text", () => {
  test.each([
    ["", "is empty"],
    [" \n", "is empty"],
    ["{", "the text ends at line 1, column 2"],
    ["[1,]", 'unexpected "]" at line 1, column 4'],
    ['{"a":1,}', 'unexpected "}" at line 1, column 8'],
    ['{"a" 1}', 'unexpected "1"'],
    ["{a:1}", 'unexpected "a"'],
    [`{"${"a".repeat(257)}":1}`, "a key has more than 256 characters at line 1, column 2"],
    ["NaN", 'unexpected "N"'],
    ["[1] x", 'unexpected "x"'],
    ["1e", 'unexpected "e"'],
    ['"tab\there"', 'unexpected "\\t"'],
    ['"\\x"', 'unexpected "\\\\"'],
    ['"open', "the text ends"],
    ["[1\n,\n2}", 'unexpected "}" at line 3, column 2'],
    ['{"a":1,"b":{"a":1},"\\u0061":2}', 'the key "\\u0061" comes twice at line 1, column 20'],
  ])("%j is refused", (text, message) => {
    expect(() => parseJsonText(text, "x.json")).toThrow(DataError);
    expect(() => parseJsonText(text, "x.json")).toThrow(message);
  });

  test("values are at most 100 deep", () => {
    expect(parseJsonText("[".repeat(100) + "]".repeat(100), "x")).toHaveLength(1);
    for (const deep of ["[".repeat(100_000), '{"a":'.repeat(100_000), "[".repeat(101) + "]".repeat(101)])
      expect(() => parseJsonText(deep, "x")).toThrow(
        /^x is not valid JSON: values are nested more than 100 deep at line 1/,
      );
  });

  test("every JSON text gives its value", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 2, "\r\n"), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), null, indent);
        expect(parseJsonText(spaced, "x")).toEqual(JSON.parse(text));
      }),
    );
  });

  test("what JSON.parse refuses is refused, with a place", () => {
    const characters = fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0aet1-.+ \n\u0001') });
    fc.assert(
      fc.property(characters, (text) => {
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(() => parseJsonText(text, "x")).toThrow(DataError);
          return;
        }
        expect(parseJsonText(text, "x")).toEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test("long texts take neither stack nor time", soon, () => {
    const escapes = "\\n".repeat(4_000_000);
    expect(String(parseJsonText(`"${escapes}"`, "x")).length).toBe(4_000_000);
    const numbers = JSON.stringify(Array.from({ length: 500_000 }, (_, i) => i / 7));
    expect(parseJsonText(numbers, "x")).toHaveLength(500_000);
  });
});
