import { quickEngine } from "../engine/start-engine.js";
import { download } from "../parts/download.js";
import { reportProblem } from "../parts/notices.js";
import { sentenceOf } from "../parts/sentence.js";
import { useDataOf } from "../train/data-of-run.js";
import type { RunEntry } from "../worker/runs.js";
import { choose, chosen, makeBaseline, measure, measuring, showReport } from "./compare-state.js";

/** The runs of this browser, of which two or more are chosen; those that are not measured are measured first. */
export const RunTable = ({ runs }: { runs: readonly RunEntry[] }) => (
  <div class="scrolled">
    <table class="runs">
      <thead>
        <tr>
          <th scope="col">Compare</th>
          <th scope="col">Run</th>
          <th scope="col">Trained</th>
          <th scope="col">Measured</th>
          <th scope="col">
            <span class="hidden">Files</span>
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
);

function Row({ run }: { run: RunEntry }) {
  const { path, name, measured, damage, usable, progress, hasReport } = run;
  const { choice, chosen: data, ready } = useDataOf(run);
  const isChosen = chosen.value.includes(path);
  const isBaseline = chosen.value[0] === path;
  const busy = measuring.value !== undefined;
  return (
    <tr>
      <td>
        <input
          type="checkbox"
          aria-label={`Compare ${name}`}
          checked={isChosen}
          disabled={!measured}
          onChange={({ currentTarget }) => choose(path, currentTarget.checked)}
        />
      </td>
      <th scope="row">
        {name} {isBaseline && <span class="tag">baseline</span>}
        {isChosen && !isBaseline && (
          <button type="button" class="quiet small" onClick={() => makeBaseline(path)}>
            make baseline
          </button>
        )}
      </th>
      <td>{progress}</td>
      <td>
        {measured ? (
          <span class="good">yes </span>
        ) : (
          <span class="quiet-text">{usable ? "not yet " : "has no weights yet"}</span>
        )}
        {damage !== undefined && <span class="problem-text found">{sentenceOf(damage)}</span>}
        {usable && choice}
        {usable && (
          <button
            type="button"
            class="small"
            aria-label={`Measure ${name}${measured ? " again" : ""}`}
            disabled={busy || !ready}
            onClick={() => measure(run, data)}
          >
            {measured ? "Again" : "Measure"}
          </button>
        )}
      </td>
      <td class="actions">
        {hasReport && (
          <button type="button" class="small" onClick={() => showReport(path, name)} aria-label={`Report of ${name}`}>
            Report
          </button>
        )}
        <button type="button" class="small" onClick={() => save(path, name)} aria-label={`Download ${name} as a zip`}>
          Zip
        </button>
      </td>
    </tr>
  );
}

async function save(path: string, name: string): Promise<void> {
  try {
    download(await quickEngine().runs.zip(path), `${name}.zip`, "application/zip");
  } catch (error) {
    reportProblem(error);
  }
}
