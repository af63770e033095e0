import fc from "fast-check";
import { expect, test } from "vitest";
import { countLabels } from "./count-labels.js";

test("adds to the counts, beyond the classes too", () => {
  const counts = [1, 1];
  countLabels(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 3), counts);
  expect([counts[0], counts[1], counts[2] ?? 0, counts[3]]).toEqual([9, 2, 0, 1]);
});

test("as counting one by one does, at any offset", () => {
  const run = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 20 }));
  fc.assert(
    fc.property(fc.array(run, { maxLength: 12 }), fc.integer({ min: 0, max: 9 }), (runs, offset) => {
      const values = runs.flatMap(([label, length]) => Array<number>(length).fill(label));
      // What stands before and after must not count.
      const around = Uint8Array.from([...Array<number>(offset).fill(2), ...values, 2, 2, 2, 2, 2]);
      const counts = [0, 0, 0, 0];
      countLabels(around.subarray(offset, offset + values.length), counts);
      expect(counts).toEqual([0, 1, 2, 3].map((label) => values.filter((value) => value === label).length));
    }),
  );
});
