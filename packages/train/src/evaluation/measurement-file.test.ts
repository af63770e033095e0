import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { volumeEdges } from "@lobule/metrics";
import { nodeStorage } from "@lobule/node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../run/testing.js";
import { finishedCases, measurementName, readMeasurement } from "./measurement-file.js";
import type { EvaluationSettings, Provenance } from "./provenance.js";
import { type MeasuredCase, summarize } from "./summarize.js";
import { found } from "./testing.js";

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

test("a case that is taken over from an earlier measurement is written as it was, to the byte", async () => {
  const measured: MeasuredCase = { ...found, source: { use: "validation", content: "5eed", note: null } };
  const provenance: Provenance = {
    run: { directory: "/runs/liver", state: "epoch 1 of 1", finished: true },
    checkpoint: { file: "/runs/liver/best.safetensors", sha256: "abc", epoch: 1 },
    data: { directory: "/data", labels: ["background", "liver", "tumor"], modality: ["CT"] },
    settings: plain,
    leftOut: [],
    failures: [{ name: "liver_2", error: "stopped before it was measured" }],
    notes: [],
  };
  const path = join(await temporaryFolder(), "validation.json");
  await writeFile(path, JSON.stringify(summarize([measured], { provenance })));
  const before = await readMeasurement(nodeStorage, path);
  const taken = finishedCases(before, provenance, measured.tolerance, measured.edge).get("5eed");
  expect(JSON.stringify(taken)).toBe(JSON.stringify(measured));
});
