import { describe, expect, test } from "vitest";
import { z } from "zod";
import { withFormerNames } from "./former-names.js";

const schema = withFormerNames(z.strictObject({ label: z.int(), normalizedSurfaceDistance: z.number().nullable() }));

describe("measures of a class", () => {
  test.each([0.9, null])("written with the former name are read: %s", (value) => {
    const measures = { label: 1, normalizedSurfaceDistance: value };
    expect(schema.parse({ label: 1, normalisedSurfaceDistance: value })).toEqual(measures);
    expect(schema.parse(measures)).toEqual(measures);
  });

  test.each([{ label: 1 }, { label: 1, normalisedSurfaceDistance: "0.9" }, null, [0.9]])("%j is refused", (value) => {
    expect(schema.safeParse(value).success).toBe(false);
  });
});
