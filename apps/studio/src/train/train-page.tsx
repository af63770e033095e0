import { useEffect } from "preact/hooks";
import { refreshRuns } from "../engine/run-list.js";
import { DataChoice } from "./data-choice.js";
import { followed } from "./followed-run.js";
import { FollowedRun } from "./followed-view.js";
import { NewRun } from "./new-run.js";
import { RunList } from "./run-list.js";
import { StorageLine } from "./storage-line.js";
import { refreshTasks, task } from "./train-state.js";
import "./train.css";

/** Trains networks on data of this browser. */
export function TrainPage() {
  const listed = followed.value === undefined;
  useEffect(() => {
    // Another tab may have changed them since.
    if (!listed) return;
    void refreshTasks();
    void refreshRuns();
  }, [listed]);
  if (followed.value !== undefined) return <FollowedRun run={followed.value} />;
  return (
    <>
      <div class="place-head">
        <h1>Train</h1>
        <p class="quiet-text">A network of your own, on your own scans. Nothing leaves this computer.</p>
      </div>
      {task.value === undefined ? <DataChoice /> : <NewRun task={task.value} />}
      <RunList />
      <StorageLine />
    </>
  );
}
