import { describe, expect, test } from "vitest";
import { check, failure, largestDifference, relativeDifference, relativeL2 } from "./check.js";
import { summarize, table } from "./report.js";

describe("comparisons", () => {
  test("worked by hand", () => {
    expect(largestDifference([1, 2, 5], [1, 4, 4])).toBe(2);
    expect(relativeDifference([1, 2, 5], [1, 4, -4])).toBe(9 / 4);
    expect(
      relativeL2([
        [
          [3, 0],
          [0, 4],
        ],
        [[1], [0]],
      ]),
    ).toBe(Math.sqrt((9 + 16 + 1) / 16));
  });

  test("NaN and other lengths are never within a limit", () => {
    const errors = [
      largestDifference([Number.NaN, 1], [0, 1]),
      largestDifference([1], [1, 2]),
      relativeL2([[[1], [Number.NaN]]]),
    ];
    for (const error of errors) expect(check("a", "b", error, Number.POSITIVE_INFINITY).ok).toBe(false);
  });

  test("where everything expected is 0 the difference itself counts", () => {
    expect(relativeDifference([0.5], [0])).toBe(0.5);
    expect(relativeL2([[[0], [0]]])).toBe(0);
  });

  test("limit 0 holds for the same numbers only", () => {
    expect(check("a", "b", 0, 0).ok).toBe(true);
    expect(check("a", "b", 1e-30, 0).ok).toBe(false);
  });
});

describe("the table", () => {
  const checks = [
    check("ops/a_rather_long_name_of_an_operation/and_of_its_case_n2_c3_7x9", "out.output", 1e-7, 1e-5),
    check("ops/a_rather_long_name_of_an_operation/and_of_its_case_n2_c3_7x9", "grad.x", 2e-6, 1e-5),
    check("ops/b", "out.output", 1, 0.5),
    failure("ops/b", "grad.x", "nothing computes 'grad.x'"),
  ];

  test("has a row for the worst tensor of each fixture, in 80 columns", () => {
    expect(summarize(checks).map(({ fixture, worst, missed }) => [fixture.slice(0, 6), worst.tensor, missed])).toEqual([
      ["ops/a_", "grad.x", 0],
      ["ops/b", "out.output", 2],
    ]);
    const rows = table(checks).split("\n");
    for (const row of rows.slice(0, 3)) expect(row.length).toBeLessThanOrEqual(80);
    expect(rows[1]).toBe("ops/a_rather_long_na…of_its_case_n2_c3_7x9 grad.x            2.0e-6  1.0e-5 ok");
  });

  test("lists what was missed and ends with the verdict", () => {
    expect(table(checks).split("\n").slice(-3)).toEqual([
      "ops/b: out.output: error 1.00e+0 is over the limit 5.00e-1",
      "ops/b: grad.x: nothing computes 'grad.x'",
      "2 of 4 checks in 2 fixtures missed their limits",
    ]);
    expect(table(checks.slice(0, 2))).toMatch(/\nall 2 checks in 1 fixtures are within their limits$/);
  });
});
