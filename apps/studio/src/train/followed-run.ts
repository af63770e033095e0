import { emptyView, type RunEvent, type RunView, viewAfter } from "@lobule/report";
import type { TrainingConfig } from "@lobule/train";
import { signal } from "@preact/signals";
import { proxy } from "comlink";
import { refreshRuns } from "../engine/run-list.js";
import { trainingEngine } from "../engine/start-engine.js";
import { reportProblem } from "../parts/notices.js";
import { sentenceOf } from "../parts/sentence.js";
import type { ResumeChanges, RunListener } from "../worker/training.js";
import { withFields } from "./settings-form.js";
import { task } from "./train-state.js";

/** The run that this page trains, or has trained last. */
export interface Followed {
  readonly path: string;
  readonly name: string;
  readonly view: RunView;
  /** Whether it is being opened or trained. */
  readonly running: boolean;
  /** Whether it was asked to stop. */
  readonly stopping: boolean;
}

export const followed = signal<Followed | undefined>(undefined);

let beginning = false;

/** Begins a run and follows it to its end. While another is trained, or begun, that is said instead. */
export async function startRun(name: string, config: TrainingConfig): Promise<void> {
  if (beginning) return;
  if (followed.value?.running === true) {
    reportProblem(
      `The run ${followed.value.name} is being trained, and this page trains one at a time; stop it first.`,
    );
    return;
  }
  beginning = true;
  try {
    await keepFiles();
    const path = await trainingEngine().training.pathFor(name);
    const verified = task.value;
    task.value = undefined;
    const training = follow(path, (listener) => trainingEngine().training.start(path, config, listener));
    beginning = false;
    if ((await training) === "cancelled") task.value = verified;
  } catch (error) {
    reportProblem(error);
  } finally {
    beginning = false;
  }
}

/** Resumes a run and follows it to its end. */
export async function resume(path: string, changes: ResumeChanges = {}): Promise<void> {
  await follow(path, (listener) => trainingEngine().training.resume(path, changes, listener));
}

/** Ends training after the step under way; everything is saved. */
export async function pause(): Promise<void> {
  change({ stopping: true });
  await trainingEngine().training.pause();
}

/** As `pause`, and shows the list of runs again. */
export async function stop(): Promise<void> {
  leaving = true;
  await pause();
}

/** Shows the list of runs again. */
export const leave = (): void => {
  followed.value = undefined;
};

let leaving = false;

const change = (parts: Partial<Followed>): void => {
  if (followed.value !== undefined) followed.value = { ...followed.value, ...parts };
};

const take = (events: readonly RunEvent[]): void => {
  const { value } = followed;
  if (value !== undefined) followed.value = { ...value, view: events.reduce(viewAfter, value.view) };
};

async function follow(path: string, train: (listener: RunListener) => Promise<void>): Promise<"cancelled" | "over"> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const before = followed.value?.path === path ? followed.value.view : emptyView;
  leaving = false;
  followed.value = { path, name, view: { ...before, state: emptyView.state }, running: true, stopping: false };
  try {
    await train(proxy({ events: take }));
  } catch (error) {
    // Nothing was kept yet, so that there is nothing to resume.
    if (error instanceof Error && error.name === "Cancelled") {
      leave();
      return "cancelled";
    }
    take([{ kind: "ended", status: { error: withFields(sentenceOf(error)) } }]);
    // What went wrong is to be read, also where the run was to be left.
    leaving = false;
  }
  change({ running: false, stopping: false });
  if (leaving) leave();
  await refreshRuns();
  return "over";
}

/** Asks the browser not to remove the page's files by itself. It may refuse, which "This browser" tells. */
async function keepFiles(): Promise<void> {
  if (!(await navigator.storage.persisted())) await navigator.storage.persist();
}
