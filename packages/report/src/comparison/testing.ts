import { resolvePath } from "@lobule/data";
import { exampleRecord } from "../../../train/src/run/testing.js";
import type { ComparedCase, ComparedRun } from "./compared-run.js";

/** One class of a case with the given Dice, to a thousandth; null where the truth lacks the class. */
const exampleClass = (label: number, name: string, dice: number | null): ComparedCase["classes"][number] => ({
  label,
  name,
  dice: {
    slices: 4,
    sliceDiceSum: 3,
    foregroundSlices: 2,
    foregroundSliceDiceSum: 1,
    ...(dice === null
      ? { intersection: 0, predicted: 3, target: 0 }
      : { intersection: Math.round(1000 * dice), predicted: 1000, target: 1000 }),
  },
  hausdorff95: dice === null ? null : 10 * (1 - dice),
  normalizedSurfaceDistance: dice,
});

/** The same run in another folder, by the path that it is named by. */
export const inFolder = (run: ComparedRun, directory: string): ComparedRun => ({
  ...run,
  directory,
  path: resolvePath("/", directory),
});

/** A measured run: Dice of liver and tumor of each validation case. */
export function exampleRun(
  directory: string,
  dice: Readonly<Record<string, readonly [liver: number | null, tumor: number | null]>>,
  changes: Partial<ComparedRun> = {},
): ComparedRun {
  const names = Object.keys(dice);
  return {
    directory,
    path: resolvePath("/", directory),
    split: { training: ["t_1", "t_2"], validation: names },
    loss: "dice-ce, lambda cross entropy 1, lambda dice 1",
    batch: 8,
    adapter: "llvmpipe",
    workload: {
      cases: Object.fromEntries(["t_1", "t_2", ...names].map((name) => [name, `hash of ${name}`])),
      step: { parameters: 1_930_000, slices: 8, flops: 12.34e9, bytes: 456e6, peakBytes: 789e6 },
    },
    metrics: [0, 1, 2, 3].map((epoch) => exampleRecord(epoch)),
    remarks: [],
    evaluation: {
      format: "lobule-evaluation",
      version: 1,
      tolerance: 2,
      cases: names.map((name) => ({
        name,
        classes: [exampleClass(1, "liver", dice[name]?.[0] ?? null), exampleClass(2, "tumor", dice[name]?.[1] ?? null)],
      })),
    },
    ...changes,
  };
}

const names = Array.from({ length: 8 }, (_, i) => `liver_${i + 1}`);

/** Three runs on eight cases, of which one has no tumor: the second run is better in all but one, the third worse. */
export const exampleRuns = (): ComparedRun[] => {
  const run = (directory: string, gain: (i: number) => number, milliseconds: number): ComparedRun =>
    exampleRun(
      directory,
      Object.fromEntries(
        names.map((name, i) => {
          const liver = 0.9 + 0.007 * i + gain(i);
          return [name, [liver, i === 3 ? null : 0.4 + 0.05 * i + 4 * gain(i)] as const];
        }),
      ),
      {
        metrics: [0, 1, 2, 3].map((epoch) => exampleRecord(epoch, { slicesPerSecond: 8000 / milliseconds })),
      },
    );
  return [
    run("runs/unet", () => 0, 120),
    run("runs/attention-res-unet-plus", (i) => (i === 2 ? -0.004 : 0.006 + 0.002 * i), 180),
    run("runs/narrow", (i) => -0.02 - 0.003 * i, 60),
  ];
};
