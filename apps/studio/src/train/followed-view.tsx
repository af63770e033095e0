import { useSignal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import { LiveView } from "../live/live-view.js";
import { stateText } from "../live/state-text.js";
import { download } from "../parts/download.js";
import { reportProblem } from "../parts/notices.js";
import { type Followed, leave, pause, resume, stop } from "./followed-run.js";

/** The run that is trained here, and what can be done with it. */
export const FollowedRun = ({ run }: { run: Followed }) => (
  <>
    <div class="row">
      <h1>{run.name}</h1>
      <span class="hidden" role="status">
        {stateText(run.view)}
      </span>
      <div class="row end">
        <Controls run={run} />
      </div>
    </div>
    {run.running && (
      <p class="quiet-text small">
        It goes on while this tab is hidden. Where the tab is closed, it is resumed from its last checkpoint.
      </p>
    )}
    <Failure run={run} />
    <LiveView view={run.view} />
  </>
);

function Controls({ run }: { run: Followed }) {
  const { running, stopping, path, name, view } = run;
  if (running)
    return (
      <>
        {stopping && <span class="quiet-text small">Saving after this step…</span>}
        <button type="button" disabled={stopping} onClick={pause}>
          Pause
        </button>
        <button type="button" disabled={stopping} onClick={stop}>
          Stop
        </button>
      </>
    );
  const ended = view.state.doing === "nothing" ? view.state.ended : "interrupted";
  const over = ended === "all epochs done" || ended === "early stopping";
  return (
    <>
      {!over && (
        <button type="button" class="primary" onClick={() => resume(path)}>
          Resume
        </button>
      )}
      {ended === "all epochs done" && <MoreEpochs run={run} />}
      {over && (
        <a class="button" href="#compare">
          Compare
        </a>
      )}
      <button type="button" onClick={() => save(path, name)}>
        Download as zip
      </button>
      <button type="button" onClick={leave}>
        All runs
      </button>
    </>
  );
}

function MoreEpochs({ run: { path, view } }: { run: Followed }) {
  const epochs = view.run?.epochs ?? 0;
  const wanted = useSignal(2 * epochs);
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        void resume(path, { epochs: wanted.value });
      }}
    >
      <label class="row small">
        Epochs
        <input
          class="short"
          type="number"
          min={epochs + 1}
          value={wanted.value}
          onInput={({ currentTarget }) => {
            wanted.value = currentTarget.valueAsNumber;
          }}
        />
      </label>
      <button type="submit">Train on</button>
    </form>
  );
}

function Failure({ run: { view } }: { run: Followed }) {
  if (view.state.doing !== "nothing" || typeof view.state.ended !== "object") return null;
  return (
    <p class="card problem-text" role="alert">
      {stateText(view)}
    </p>
  );
}

async function save(path: string, name: string): Promise<void> {
  try {
    download(await quickEngine().runs.zip(path), `${name}.zip`, "application/zip");
  } catch (error) {
    reportProblem(error);
  }
}
