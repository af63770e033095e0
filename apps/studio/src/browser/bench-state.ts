import { signal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import type { DroppedFile } from "../parts/dropped-files.js";
import { longCall } from "../parts/long-call.js";
import { reportProblem } from "../parts/notices.js";
import type { BenchChoices, BenchComparison, Benched, BenchProgress } from "../worker/benching.js";

/** A measurement under way. */
interface Measuring {
  readonly progress: BenchProgress;
  cancel(): void;
}

export const measuring = signal<Measuring | undefined>(undefined);
export const measured = signal<Benched | undefined>(undefined);
export const comparison = signal<(BenchComparison & { readonly name: string }) | undefined>(undefined);

/** Times the kernels of a step on this browser's adapter. */
export async function measureKernels(choices: BenchChoices): Promise<void> {
  if (measuring.value !== undefined) return;
  const controller = new AbortController();
  const show = (progress: BenchProgress): void => {
    measuring.value = { progress, cancel: () => controller.abort() };
  };
  show({ stage: "roof", done: 0, total: 1 });
  try {
    measured.value = await longCall(controller.signal, show, (told) => quickEngine().benching.kernels(choices, told));
    comparison.value = undefined;
  } catch (error) {
    if (!(error instanceof Error && error.name === "Cancelled")) reportProblem(error);
  } finally {
    measuring.value = undefined;
  }
}

/** Compares what was measured with an earlier file. */
export async function compareWith([dropped]: readonly DroppedFile[]): Promise<void> {
  const now = measured.value;
  if (now === undefined || dropped === undefined) return;
  try {
    const { name } = dropped.file;
    comparison.value = { name, ...(await quickEngine().benching.compare(now.file, await dropped.file.text(), name)) };
  } catch (error) {
    reportProblem(error);
  }
}
