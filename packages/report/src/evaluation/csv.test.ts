import { describe, expect, test } from "vitest";
import { csvText } from "./csv.js";

describe("csvText", () => {
  test.each([
    ['=HYPERLINK("http://a")', '"\'=HYPERLINK(""http://a"")"'],
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-liver", "'-liver"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", '"\'\t=1"'],
    ["\r=1", '"\'\r=1"'],
    ["  =1", "'  =1"],
    ["\uff1d1", "'\uff1d1"],
    ["liver", "liver"],
    ["a=1", "a=1"],
    ["", ""],
    ['a,"b"', '"a,""b"""'],
    [-1.5, "-1.5"],
    [null, ""],
  ])("%j is %s", (cell, text) => {
    expect(csvText([[cell]])).toBe(`${text}\r\n`);
  });
});
