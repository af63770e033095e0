import type { EpochRecord, RunStatus } from "@lobule/train";
import type { LiveRun, LiveSlice, LiveStep, RunEvent, RunPace } from "./run-event.js";

/** What a run does: it reads its data, trains, validates, measures its cases for its report, or it ended. */
export type RunState =
  | { readonly doing: "preparing" | "validating" | "measuring"; readonly done: number; readonly total: number }
  | { readonly doing: "training" }
  | { readonly doing: "nothing"; readonly ended: Exclude<RunStatus, "running"> };

/** All that is shown of a run that trains. */
export interface RunView {
  readonly state: RunState;
  /** Undefined until its data are read. */
  readonly run: LiveRun | undefined;
  /** Steps since it was begun or resumed, rising; of many, some that are spread over all. */
  readonly steps: readonly LiveStep[];
  /** Epochs that are over, rising. */
  readonly records: readonly EpochRecord[];
  readonly pace: RunPace | undefined;
  readonly worst: readonly LiveSlice[];
  readonly notes: readonly string[];
  /** The most bytes that the program was seen to have on the device. */
  readonly mostLiveBytes: number;
}

/** A run of which nothing is known yet. */
export const emptyView: RunView = {
  state: { doing: "preparing", done: 0, total: 0 },
  run: undefined,
  steps: [],
  records: [],
  pace: undefined,
  worst: [],
  notes: [],
  mostLiveBytes: 0,
};

/** Steps that are kept, at most. */
const mostSteps = 4000;

/** The steps with more of them: beyond {@link mostSteps} every other one of the old is left out. */
function withSteps(before: readonly LiveStep[], more: readonly LiveStep[]): readonly LiveStep[] {
  const all = [...before, ...more];
  return all.length <= mostSteps ? all : all.filter((_, i) => i % 2 === 0 || i >= before.length);
}

/** What is shown of a run once something has happened. */
export function viewAfter(view: RunView, event: RunEvent): RunView {
  switch (event.kind) {
    case "opened":
      // A run that is resumed was seen before: what it did since its last checkpoint is done again.
      return {
        ...view,
        run: event.run,
        records: event.run.records,
        steps: view.steps.filter(({ step }) => step <= event.run.steps.done),
        state: { doing: "training" },
      };
    case "decoded":
      return { ...view, state: { doing: "preparing", done: event.done, total: event.total } };
    case "steps":
      return { ...view, steps: withSteps(view.steps, event.steps), state: { doing: "training" } };
    case "pace":
      return { ...view, pace: event.pace, mostLiveBytes: Math.max(view.mostLiveBytes, event.pace.liveBytes) };
    case "validating":
    case "measuring":
      return { ...view, state: { doing: event.kind, done: event.done, total: event.total } };
    case "epoch":
      return { ...view, records: [...view.records, event.record], state: { doing: "training" } };
    case "worst":
      return { ...view, worst: event.slices };
    case "note":
      return { ...view, notes: [...view.notes, event.text] };
    case "ended":
      return { ...view, state: { doing: "nothing", ended: event.status } };
  }
}
