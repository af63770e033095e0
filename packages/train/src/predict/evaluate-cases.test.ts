import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CaseFiles, type Volume, writeNifti } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memoryCollectives } from "../collective/memory-collectives.js";
import { parseModelDescription } from "../model/model-description.js";
import { evaluateCases } from "./evaluate-cases.js";

/** Labels every slice with class 1; what is tested here needs no device. */
const predictor: Parameters<typeof evaluateCases>[1] = {
  atOnce: 2,
  margin: 0,
  inZScores: [false],
  crops: false,
  description: parseModelDescription(
    {
      version: 1,
      architecture: "UNet",
      classes: ["background", "liver"],
      baseFeatures: 1,
      depth: 1,
      size: null,
      window: [-160, 240],
      preset: null,
    },
    "the test",
  ),
  predict: async (slices, width, height) => slices.map(() => new Uint8Array(width * height).fill(1)),
};

const labels: Volume<Uint8Array> = {
  shape: [4, 3, 2],
  spacing: [1, 1, 3],
  data: new Uint8Array(24).fill(1),
  affine: [
    [1, 0, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 3, 0],
  ],
};

let folder: string;
let cases: CaseFiles[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lobule-evaluate-cases-"));
  const path = join(folder, "scan.nii");
  await writeNifti(nodeStorage, path, labels);
  cases = ["a", "b", "c", "d"].map((name) => ({ name, image: path, label: path }));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const namesOf = (list: readonly { readonly name: string }[]): string[] => list.map(({ name }) => name);

describe("cases that are measured", () => {
  test("are measured though another cannot be read", async () => {
    const cut = join(folder, "cut.nii");
    await writeFile(cut, new Uint8Array(100));
    const withCut = cases.map((each) => (each.name === "b" ? { ...each, image: cut } : each));
    const { results, failures } = await evaluateCases(nodeStorage, predictor, withCut);
    expect(namesOf(results)).toEqual(["a", "c", "d"]);
    expect(failures).toEqual([{ name: "b", error: expect.stringContaining(cut) }]);
  });

  test("have their labels post-processed where that is asked for", async () => {
    // The label fills a volume of 0.072 ml.
    const rule = { label: 1, name: "bright", largest: true, leastMilliliters: 0.1, dice: { without: 0, with: 1 } };
    const [first] = cases as [CaseFiles];
    const predicted = async (rules: (typeof rule)[]): Promise<number | undefined> => {
      const { results } = await evaluateCases(nodeStorage, predictor, [first], { postprocessing: { rules } });
      return results[0]?.classes[0]?.dice.predicted;
    };
    expect(await predicted([])).toBe(24);
    expect(await predicted([rule])).toBe(0);
    expect(await predicted([{ ...rule, leastMilliliters: 0.07 }])).toBe(24);
  });

  test("are kept when work is stopped, and the others are named", async () => {
    const stop = new AbortController();
    const look = (name: string): void => {
      if (name === "c") stop.abort();
    };
    const { results, failures } = await evaluateCases(nodeStorage, predictor, cases, { signal: stop.signal, look });
    expect(namesOf(results)).toEqual(["a", "b", "c"]);
    expect(failures).toEqual([{ name: "d", error: "stopped before it was measured" }]);
  });

  test("are shared by processes, all of which have what one would have", async () => {
    const cut = join(folder, "short.nii");
    await writeFile(cut, new Uint8Array(100));
    const withCut = cases.map((each) => (each.name === "b" ? { ...each, image: cut } : each));
    const alone = await evaluateCases(nodeStorage, predictor, withCut);
    for (const size of [2, 3, 5]) {
      const looked: string[] = [];
      const look = (name: string) => looked.push(name);
      const all = await Promise.all(
        memoryCollectives(size).map((world) => evaluateCases(nodeStorage, predictor, withCut, { world, look })),
      );
      for (const each of all) expect(JSON.stringify(each)).toBe(JSON.stringify(alone));
      expect(looked.sort()).toEqual(["a", "c", "d"]);
    }
  });

  test("are kept on all processes when one is asked to stop, by its next case", async () => {
    const stop = new AbortController();
    const all = await Promise.all(
      memoryCollectives(2).map((world) =>
        evaluateCases(nodeStorage, predictor, cases, {
          world,
          ...(world.rank === 0 ? {} : { signal: stop.signal, look: () => stop.abort() }),
        }),
      ),
    );
    for (const { results, failures, stopped } of all) {
      expect([namesOf(results), namesOf(failures), stopped]).toEqual([["a", "b", "c"], ["d"], true]);
    }
  });

  test("none on any process before work is stopped: the first throws the reason, the others are silent", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    const both = await Promise.allSettled(
      memoryCollectives(2).map((world) => evaluateCases(nodeStorage, predictor, cases, { world, signal })),
    );
    expect(both).toEqual([
      { status: "rejected", reason: expect.objectContaining({ message: "enough" }) },
      { status: "rejected", reason: expect.objectContaining({ teller: 0, exitCode: 143 }) },
    ]);
  });

  test("none before work is stopped: the reason is thrown", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(evaluateCases(nodeStorage, predictor, cases, { signal })).rejects.toThrow("enough");
  });
});
