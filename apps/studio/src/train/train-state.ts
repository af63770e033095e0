import type { PhantomOptions } from "@lobule/data";
import type { PresetName } from "@lobule/train";
import { computed, effect, signal } from "@preact/signals";
import type { ProxyMarked } from "comlink";
import { quickEngine, trainingEngine } from "../engine/start-engine.js";
import type { DroppedFile } from "../parts/dropped-files.js";
import { longCall, type Watcher } from "../parts/long-call.js";
import { reportProblem } from "../parts/notices.js";
import { sentenceOf } from "../parts/sentence.js";
import type { Done, TaskSummary, VerifiedTask } from "../worker/tasks.js";
import type { PlannedRun } from "../worker/training.js";
import { type Entries, resolved, withFields } from "./settings-form.js";

/** The data that this browser keeps; undefined until they are known. */
export const tasks = signal<readonly TaskSummary[] | undefined>(undefined);

/** What is done with data now, and how far. */
export const busy = signal<(Done & { readonly label: string; readonly cancel: () => void }) | undefined>(undefined);

/** The data that are to be trained on, once they are verified. */
export const task = signal<VerifiedTask | undefined>(undefined);

export const preset = signal<PresetName | null>(null);
export const entries = signal<Entries>({});
export const runName = signal("run");

/** The configuration by what is entered, or what is wrong with it. */
export const outcome = computed(() =>
  task.value === undefined ? undefined : resolved(preset.value, entries.value, `/data/${task.value.name}`),
);

/** What the run would be; a sentence where it cannot be; undefined while that is being found out. */
export const planned = signal<PlannedRun | string | undefined>(undefined);

/** Milliseconds without typing after which a plan is made. */
const rest = 400;

effect(() => {
  const found = outcome.value;
  planned.value = undefined;
  if (found === undefined || !("config" in found)) return;
  const timer = setTimeout(async () => {
    const answer = await trainingEngine()
      .training.plan(found.config)
      .catch((error: unknown) => withFields(sentenceOf(error)));
    if (outcome.value === found) planned.value = answer;
  }, rest);
  return () => clearTimeout(timer);
});

export async function refreshTasks(): Promise<void> {
  try {
    tasks.value = await quickEngine().tasks.list();
  } catch (error) {
    reportProblem(error);
    tasks.value ??= [];
  }
}

/** Does something with data that takes long; one at a time. Undefined where it was cancelled or failed, which is said. */
async function during<Result>(
  label: string,
  work: (told: Watcher<Done> & ProxyMarked) => Promise<Result>,
): Promise<Result | undefined> {
  if (busy.value !== undefined) return undefined;
  const controller = new AbortController();
  const cancel = (): void => controller.abort();
  busy.value = { label, done: 0, all: 0, cancel };
  try {
    const show = (progress: Done): void => {
      busy.value = { label, cancel, ...progress };
    };
    return await longCall(controller.signal, show, work);
  } catch (error) {
    if (!controller.signal.aborted) reportProblem(error);
    return undefined;
  } finally {
    busy.value = undefined;
  }
}

/** Verifies data, and takes them for the next run. @param start settings that suit them. */
export async function useTask(name: string, start: Entries = {}): Promise<void> {
  const found = await during(`Verifying ${name}`, (told) => quickEngine().tasks.verify(name, told));
  if (found === undefined) return;
  preset.value = null;
  entries.value = start;
  runName.value = name;
  task.value = found;
}

/** Settings for the phantom: small steps, and checkpoints close to each other. */
const phantomStart: Entries = { epochs: "20", batch: "8", learningRate: "0.001", checkpointEvery: "10" };

/** Writes a synthetic task and takes it for the next run. */
export async function usePhantom(options: PhantomOptions): Promise<void> {
  const name = await during("Writing the phantom", (told) => quickEngine().tasks.makePhantom(options, told));
  await refreshTasks();
  if (name !== undefined) await useTask(name, phantomStart);
}

/** Copies a Decathlon folder into the browser's files and takes it for the next run. */
export async function takeFolder(files: readonly DroppedFile[]): Promise<void> {
  const [top = ""] = files[0]?.path.split("/") ?? [];
  const name = top.endsWith(".json") || top === "" ? "data" : top;
  const kept = await during(`Copying ${name}`, (told) => quickEngine().tasks.copy(name, [...files], told));
  await refreshTasks();
  if (kept !== undefined) await useTask(kept);
}

export async function removeTask(name: string): Promise<void> {
  try {
    await quickEngine().tasks.remove(name);
    if (task.value?.name === name) task.value = undefined;
  } catch (error) {
    reportProblem(error);
  }
  await refreshTasks();
}

/** Enters a value in a field; an empty one is the default. */
export const enter = (id: string, value: string): void => {
  entries.value = { ...entries.value, [id]: value };
};
