import type { ReadingName } from "@lobule/report";
import { signal } from "@preact/signals";
import { refreshRuns } from "../engine/run-list.js";
import { quickEngine } from "../engine/start-engine.js";
import { longCall } from "../parts/long-call.js";
import { note, reportProblem } from "../parts/notices.js";
import type { ComparisonFiles, MeasuringProgress } from "../worker/comparing.js";
import type { RunEntry } from "../worker/runs.js";

/** Paths of the runs that are to be compared, the baseline first. */
export const chosen = signal<readonly string[]>([]);
export const reading = signal<ReadingName>("dice");
export const paired = signal(true);

/** What is shown below the runs. */
export type Shown =
  | { readonly kind: "comparison"; readonly files: ComparisonFiles }
  | { readonly kind: "report"; readonly name: string; readonly html: string };
export const shown = signal<Shown | undefined>(undefined);

/** The run that is being measured, and how far that is. */
export interface Measuring {
  readonly path: string;
  readonly name: string;
  readonly progress: MeasuringProgress | undefined;
  readonly cancel: () => void;
}
export const measuring = signal<Measuring | undefined>(undefined);

/** Adds a run behind those that are chosen, or leaves it out. */
export function choose(path: string, taken: boolean): void {
  const others = chosen.value.filter((each) => each !== path);
  chosen.value = taken ? [...others, path] : others;
}

export const makeBaseline = (path: string): void => {
  chosen.value = [path, ...chosen.value.filter((each) => each !== path)];
};

/**
 * Measures a run on the cases that it held out. One at a time: they would share the adapter.
 * @param data name of its data, where they are kept under another one.
 */
export async function measure({ path, name }: RunEntry, data: string | undefined): Promise<void> {
  if (measuring.value !== undefined) return;
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  measuring.value = { path, name, progress: undefined, cancel };
  try {
    const show = (progress: MeasuringProgress): void => {
      measuring.value = { path, name, progress, cancel };
    };
    const notes = await longCall(controller.signal, show, (told) => quickEngine().comparing.measure(path, data, told));
    for (const text of notes) note(`${name}: ${text}`);
  } catch (error) {
    if (!controller.signal.aborted) reportProblem(error);
  } finally {
    measuring.value = undefined;
    await refreshRuns();
  }
}

export async function compare(): Promise<void> {
  try {
    const options = { reading: reading.value, paired: paired.value };
    shown.value = { kind: "comparison", files: await quickEngine().comparing.compare(chosen.value, options) };
  } catch (error) {
    shown.value = undefined;
    reportProblem(error);
  }
}

export async function showReport(path: string, name: string): Promise<void> {
  try {
    shown.value = { kind: "report", name, html: await quickEngine().runs.report(path) };
  } catch (error) {
    reportProblem(error);
  }
}
