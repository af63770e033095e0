import { useSignal } from "@preact/signals";
import type { RunEntry } from "../worker/runs.js";
import { tasks } from "./train-state.js";

/**
 * The data that a run is resumed or measured on: its own, or where this browser does not have them under the run's own path
 * those that are chosen.
 */
export function useDataOf({ name, data }: Pick<RunEntry, "name" | "data">) {
  const choice = useSignal("");
  const known = tasks.value?.filter(({ cases }) => cases !== undefined).map((task) => task.name);
  const here = known === undefined || known.some((each) => `/data/${each}` === data);
  return {
    /** Whether the data are here, or were chosen. */
    ready: here || choice.value !== "",
    /** Name of those that were chosen; undefined where the run's own are here. */
    chosen: here ? undefined : choice.value,
    /** Where they are chosen; null where the run's own are here. */
    choice: here ? null : (
      <select
        class="data-choice"
        aria-label={`Data of ${name}`}
        value={choice.value}
        onChange={({ currentTarget }) => {
          choice.value = currentTarget.value;
        }}
      >
        <option value="">its data are not here</option>
        {known.map((each) => (
          <option key={each} value={each}>
            on {each}
          </option>
        ))}
      </select>
    ),
  };
}
