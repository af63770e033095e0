import { presetNames, presetOf } from "@lobule/train";
import { useSignal } from "@preact/signals";
import { bytesText } from "../parts/quantities.js";
import { sentenceOf } from "../parts/sentence.js";
import type { VerifiedTask } from "../worker/tasks.js";
import type { PlannedRun } from "../worker/training.js";
import { startRun } from "./followed-run.js";
import { SettingsFields } from "./settings-fields.js";
import { type FieldGroup, type FieldProblem, firstFields, foldedGroups } from "./settings-form.js";
import { outcome, planned, preset, runName, task } from "./train-state.js";
import { VerifiedTable } from "./verified-table.js";

/** A run before it begins: its data, its settings, and what it would be. */
export function NewRun({ task: verified }: { task: VerifiedTask }) {
  const found = outcome.value;
  const problem = found !== undefined && "problem" in found ? found : undefined;
  const start = (): void => {
    if (found !== undefined && "config" in found) void startRun(runName.value, found.config);
  };
  return (
    <form
      class="new-run"
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <StartCard data={verified.name} problem={problem} />
      <section class="card" aria-label="Data">
        <h2>Data</h2>
        <VerifiedTable task={verified} />
      </section>
      <section class="card" aria-label="Settings">
        <h2>Settings</h2>
        <PresetField />
        <SettingsFields fields={firstFields} problem={problem} />
        {foldedGroups.map(({ title, fields }) => (
          <FoldedFields key={title} title={title} fields={fields} problem={problem} />
        ))}
      </section>
    </form>
  );
}

/** What the run would be, what keeps it from being started, and the button that does. */
function StartCard({ data, problem }: { data: string; problem: FieldProblem | undefined }) {
  const plan = planned.value;
  return (
    <section class="card new-run-start" aria-label="Start">
      <div class="row">
        <h2>A new run on {data}</h2>
        <button
          type="button"
          class="quiet end"
          onClick={() => {
            task.value = undefined;
          }}
        >
          Other data
        </button>
      </div>
      <Plan plan={problem === undefined ? plan : undefined} />
      {problem !== undefined && (
        <p class="problem-text" role="alert">
          {sentenceOf(problem.problem)}
        </p>
      )}
      <div class="row">
        <button type="submit" class="primary" disabled={problem !== undefined || typeof plan === "string"}>
          Start training
        </button>
        <label class="field name-field">
          Name of the run
          <input
            value={runName.value}
            required
            onInput={({ currentTarget }) => {
              runName.value = currentTarget.value;
            }}
          />
        </label>
      </div>
    </section>
  );
}

/** Fields that are made once they are looked at, or one of them has a problem. */
function FoldedFields({ title, fields, problem }: FieldGroup & { problem: FieldProblem | undefined }) {
  const opened = useSignal(false);
  const open = opened.value || fields.some(({ id }) => id === problem?.field);
  return (
    <details
      open={open}
      onToggle={({ currentTarget }) => {
        opened.value = currentTarget.open;
      }}
    >
      <summary>{title}</summary>
      {open && <SettingsFields fields={fields} problem={problem} />}
    </details>
  );
}

const PresetField = () => (
  <div class="setting">
    <label class="field">
      Preset
      <select
        value={preset.value ?? ""}
        onChange={({ currentTarget }) => {
          preset.value = presetOf(currentTarget.value);
        }}
      >
        <option value="">none: the defaults</option>
        {presetNames.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
    <span class="hint">
      The reference's recipe for Task03_Liver or Task08_HepaticVessel; what is entered below comes first.
    </span>
  </div>
);

function Plan({ plan }: { plan: PlannedRun | string | undefined }) {
  if (typeof plan === "string")
    return (
      <p class="problem-text" role="alert">
        {plan}
      </p>
    );
  const facts: readonly (readonly [string, string])[] = [
    ["Steps", plan === undefined ? "" : plan.steps.toLocaleString("en-US")],
    ["Cases to train on", plan === undefined ? "" : `${plan.trainingCases} (${plan.slices} slices)`],
    ["Cases held out", plan === undefined ? "" : String(plan.validationCases)],
    ["Parameters", plan === undefined ? "" : plan.parameters.toLocaleString("en-US")],
    ["Memory on the GPU", plan === undefined ? "" : bytesText(plan.memory)],
    ["Space in the browser", plan === undefined ? "" : bytesText(plan.space)],
  ];
  return (
    <dl class="facts" aria-busy={plan === undefined}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === "" ? "…" : value}</dd>
        </div>
      ))}
    </dl>
  );
}
