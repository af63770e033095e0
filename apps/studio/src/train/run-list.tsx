import { refreshRuns, runList, takeRunsIn } from "../engine/run-list.js";
import { quickEngine } from "../engine/start-engine.js";
import { Confirmed } from "../parts/confirmed.js";
import { download } from "../parts/download.js";
import { FileDrop } from "../parts/file-drop.js";
import { reportProblem } from "../parts/notices.js";
import type { RunEntry } from "../worker/runs.js";
import { useDataOf } from "./data-of-run.js";
import { resume } from "./followed-run.js";

/** The runs of this browser, which can be resumed, taken out and removed. */
export function RunList() {
  const runs = runList.value;
  return (
    <section class="card" aria-label="Runs in this browser">
      <h2>Runs in this browser</h2>
      {runs === undefined && <p class="quiet-text">Reading the runs…</p>}
      {runs?.length === 0 && (
        <p class="quiet-text">None yet. A run that you start is kept here, also when the tab is closed.</p>
      )}
      {runs !== undefined && runs.length > 0 && (
        <div class="scrolled">
          <table class="stacked">
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col">State</th>
                <th scope="col">
                  <span class="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {runs.map((run) => (
                <Row key={run.path} run={run} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <FileDrop accept=".zip" onFiles={(files) => takeRunsIn(files.map(({ file }) => file))}>
        <strong>Open a run</strong>
        <span>Drop or choose the zip of a run folder, made here or by lobule train.</span>
      </FileDrop>
    </section>
  );
}

function Row({ run }: { run: RunEntry }) {
  const { name, path, progress, finished, data } = run;
  return (
    <tr>
      <th scope="row">{name}</th>
      <td>{progress}</td>
      <td class="actions">
        {!finished && data !== undefined && <Resume run={run} />}
        <button type="button" class="small" aria-label={`Download ${name} as a zip`} onClick={() => save(path, name)}>
          Zip
        </button>
        <Confirmed what={`Remove ${name}`} question="Remove this run for good?" act={() => remove(path)}>
          Remove
        </Confirmed>
      </td>
    </tr>
  );
}

/** Resumes a run; where its data are not in this browser under its own path, on those that are chosen. */
function Resume({ run }: { run: RunEntry }) {
  const { choice, chosen, ready } = useDataOf(run);
  const { name, path } = run;
  return (
    <>
      {choice}
      <button
        type="button"
        class="small"
        aria-label={`Resume ${name}`}
        disabled={!ready}
        onClick={() => resume(path, chosen === undefined ? {} : { data: chosen })}
      >
        Resume
      </button>
    </>
  );
}

async function save(path: string, name: string): Promise<void> {
  try {
    download(await quickEngine().runs.zip(path), `${name}.zip`, "application/zip");
  } catch (error) {
    reportProblem(error);
  }
}

async function remove(path: string): Promise<void> {
  try {
    await quickEngine().runs.remove(path);
  } catch (error) {
    reportProblem(error);
  }
  await refreshRuns();
}
