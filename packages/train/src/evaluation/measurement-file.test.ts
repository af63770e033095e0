import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { volumeEdges } from "@lobule/metrics";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../run/testing.js";
import { measurementName } from "./measurement-file.js";
import type { EvaluationSettings } from "./provenance.js";

const plain: EvaluationSettings = { mirror: false, precision: "f32", map: [], includeTraining: false };

describe("files of a measurement", () => {
  test("the run's own cases are 'validation', which no folder's name can be", async () => {
    expect(await measurementName(nodeStorage, undefined, plain, 2, "surface")).toBe("validation");
    const root = await temporaryFolder();
    for (const name of ["validation", "validation-mirror"]) {
      await mkdir(join(root, name));
      expect(await measurementName(nodeStorage, join(root, name), plain, 2, "surface")).toMatch(
        new RegExp(`^${name}-[0-9a-f]{8}$`),
      );
    }
  });

  test("two folders of one name have two names, one folder has one however it is spelled", async () => {
    const root = await temporaryFolder();
    for (const parent of ["a", "b"]) await mkdir(join(root, parent, "data"), { recursive: true });
    await symlink(join(root, "a"), join(root, "link"));
    const name = await measurementName(nodeStorage, join(root, "a", "data"), plain, 2, "surface");
    expect(await measurementName(nodeStorage, join(root, "b", "data"), plain, 2, "surface")).not.toBe(name);
    expect(await measurementName(nodeStorage, `${join(root, "link", "data")}/`, plain, 2, "surface")).toBe(name);
  });

  test("other settings have another name, the same settings the same", async () => {
    const settings = fc.record({
      tolerance: fc.constantFrom(2, 1, 0.5),
      edge: fc.constantFrom(...volumeEdges),
      mirror: fc.boolean(),
      precision: fc.constantFrom("f32" as const, "f16" as const),
      includeTraining: fc.boolean(),
      map: fc.uniqueArray(fc.record({ from: fc.nat(12), to: fc.nat(3) }), {
        selector: ({ from }) => from,
        maxLength: 3,
      }),
    });
    await fc.assert(
      fc.asyncProperty(settings, settings, async (one, other) => {
        const nameOf = ({ tolerance, edge, ...rest }: typeof one) =>
          measurementName(nodeStorage, undefined, rest, tolerance, edge);
        expect((await nameOf(one)) === (await nameOf(other))).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
    );
  });
});
