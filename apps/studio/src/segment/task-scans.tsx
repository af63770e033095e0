import { useEffect } from "preact/hooks";
import { refreshTasks, tasks } from "../train/train-state.js";
import { openTask, work } from "./segment-state.js";

/** Scans of the training sets that this browser keeps. */
export function TaskScans() {
  useEffect(() => {
    void refreshTasks();
  }, []);
  const names = (tasks.value ?? []).filter(({ cases }) => cases !== undefined).map(({ name }) => name);
  if (names.length === 0) return null;
  return (
    <label class="field">
      Scans of a training set
      <select
        value=""
        disabled={work.value !== undefined}
        onChange={({ currentTarget }) => {
          void openTask(currentTarget.value);
          currentTarget.value = "";
        }}
      >
        <option value="">Choose one</option>
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
