import type { RunView } from "@lobule/report";
import { useEffect } from "preact/hooks";
import { LiveView } from "./live-view.js";
import { connection, watched, watchRun } from "./watch-run.js";

/** A run that the command trains, to be looked at. */
export function LivePage() {
  useEffect(watchRun, []);
  const view = watched.value;
  return (
    <>
      <div class="place-head">
        <h1>{titleOf(view)}</h1>
        <p class="quiet-text">{aboutConnection(view)}</p>
      </div>
      <LiveView view={view} />
    </>
  );
}

const titleOf = ({ run }: RunView): string =>
  run === undefined ? "A run" : (run.directory.split(/[\\/]/).findLast((part) => part !== "") ?? "A run");

function aboutConnection({ state }: RunView): string {
  if (connection.value === "opening") return "Waiting for the process that trains it…";
  if (connection.value === "open") return "Trained by the command; this page only looks at it.";
  return state.doing === "nothing"
    ? "The process that trained it has ended."
    : "The process that trains it does not answer, so this is how it was last seen; it is asked again.";
}
