import type { RunStatus } from "@lobule/train";

/** How far a run is at the moment its report is written. */
export interface ReportProgress {
  /** That the configuration asks for. */
  readonly epochs: number;
  readonly state: RunStatus;
  /** When the page was written, in seconds since 1970. */
  readonly written: number;
}

/** "Epoch 3 of 100 done, running". */
export function stateText({ epochs, state }: ReportProgress, done: number): string {
  const far = done === 0 ? `No epoch of ${epochs} is complete yet` : `Epoch ${done} of ${epochs} done`;
  if (typeof state === "object") return `${far}, ended by an error: ${state.error}`;
  if (state === "all epochs done") return `${far}, finished`;
  if (state === "early stopping") return `${far}, finished by early stopping`;
  return `${far}, ${state}`;
}

/** When the page was written; of a run under way also what that means, as a killed run leaves the same page. */
export function writtenText({ state, written }: ReportProgress): string {
  const time = new Date(1000 * written).toISOString().slice(0, 19).replace("T", " ");
  const killed =
    state === "running"
      ? ", after the last complete epoch; a run that was killed since then is not running any more"
      : "";
  return `Written ${time} UTC${killed}.`;
}
