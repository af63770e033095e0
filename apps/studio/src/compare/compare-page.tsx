import { readingNames, readingTitle } from "@lobule/report";
import { useEffect } from "preact/hooks";
import { refreshRuns, runList, takeRunsIn } from "../engine/run-list.js";
import { download } from "../parts/download.js";
import { FileDrop } from "../parts/file-drop.js";
import { Progress } from "../parts/progress.js";
import { ReportView } from "../parts/report-view.js";
import { refreshTasks } from "../train/train-state.js";
import type { ComparisonFiles } from "../worker/comparing.js";
import { chosen, compare, measuring, paired, reading, shown } from "./compare-state.js";
import { RunTable } from "./run-table.js";
import "./compare.css";

/** Runs side by side. */
export function ComparePage() {
  useEffect(() => {
    void refreshRuns();
    void refreshTasks();
  }, []);
  const runs = runList.value;
  return (
    <>
      <div class="place-head">
        <h1>Compare</h1>
        <p class="quiet-text">Runs side by side, case by case, on the scans that they held out.</p>
      </div>
      <section class="card" aria-label="Runs">
        {runs === undefined && <p class="quiet-text">Reading the runs…</p>}
        {runs?.length === 0 && (
          <p>
            This browser has no runs yet. <a href="#train">Train one</a>, or drop a zip of a run folder that{" "}
            <code>lobule train</code> has made.
          </p>
        )}
        {runs !== undefined && runs.length > 0 && <RunTable runs={runs} />}
        <MeasuringProgress />
        {runs !== undefined && runs.length > 0 && <Choices />}
        <FileDrop accept=".zip" onFiles={(files) => takeRunsIn(files.map(({ file }) => file))}>
          <strong>Add runs</strong>
          <span>Drop or choose zips of run folders.</span>
        </FileDrop>
      </section>
      <Result />
    </>
  );
}

function MeasuringProgress() {
  const at = measuring.value;
  if (at === undefined) return null;
  const { name, progress, cancel } = at;
  return (
    <div class="row measuring">
      <Progress
        label={`Measuring ${name}`}
        {...(progress === undefined
          ? { detail: "compiling the network" }
          : { share: progress.done / progress.total, detail: `${progress.done} of ${progress.total} cases` })}
      />
      <button type="button" onClick={cancel}>
        Cancel
      </button>
    </div>
  );
}

const Choices = () => (
  <form
    class="row choices"
    onSubmit={(event) => {
      event.preventDefault();
      void compare();
    }}
  >
    <label class="field">
      By
      <select
        value={reading.value}
        onChange={({ currentTarget }) => {
          reading.value = readingNames.find((name) => name === currentTarget.value) ?? reading.value;
        }}
      >
        {readingNames.map((name) => (
          <option key={name} value={name}>
            {readingTitle(name)}
          </option>
        ))}
      </select>
    </label>
    <label class="row check">
      <input
        type="checkbox"
        checked={paired.value}
        onChange={({ currentTarget }) => {
          paired.value = currentTarget.checked;
        }}
      />
      Case by case
    </label>
    <button type="submit" class="primary" disabled={chosen.value.length < 2}>
      Compare
    </button>
    {chosen.value.length < 2 && (
      <span class="quiet-text small">Choose two measured runs or more; the first is the baseline.</span>
    )}
  </form>
);

function Result() {
  const result = shown.value;
  if (result === undefined) return null;
  return (
    <section class="card result" aria-label={result.kind === "report" ? `Report of ${result.name}` : "Comparison"}>
      <div class="row">
        {result.kind === "comparison" ? <Downloads files={result.files} /> : <h2>{result.name}</h2>}
        <button
          type="button"
          class="quiet end"
          onClick={() => {
            shown.value = undefined;
          }}
        >
          Close
        </button>
      </div>
      <ReportView html={result.kind === "comparison" ? result.files.html : result.html} />
    </section>
  );
}

const save = (text: string, name: string, type: string): void => download(new TextEncoder().encode(text), name, type);

const Downloads = ({ files }: { files: ComparisonFiles }) => (
  <>
    <button type="button" onClick={() => save(files.html, "comparison.html", "text/html")}>
      Page
    </button>
    <button type="button" onClick={() => save(files.csv, "comparison.csv", "text/csv")}>
      Table (CSV)
    </button>
    <button type="button" onClick={() => save(files.casesCsv, "cases.csv", "text/csv")}>
      Cases (CSV)
    </button>
    <button type="button" onClick={() => save(files.json, "comparison.json", "application/json")}>
      JSON
    </button>
  </>
);
