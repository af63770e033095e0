import type { PhantomOptions } from "@lobule/data";
import { useSignal } from "@preact/signals";
import { Confirmed } from "../parts/confirmed.js";
import { FileDrop } from "../parts/file-drop.js";
import { Progress } from "../parts/progress.js";
import { bytesText } from "../parts/quantities.js";
import type { TaskSummary } from "../worker/tasks.js";
import { busy, removeTask, takeFolder, tasks, usePhantom, useTask } from "./train-state.js";

/** What a new run is to be trained on: synthetic patients, a folder of one's own, or data that are here already. */
export function DataChoice() {
  if (busy.value !== undefined) return <BusyCard />;
  return (
    <>
      <div class="choices-of-data">
        <PhantomCard />
        <section class="card" aria-label="Your own scans">
          <h2>Your own scans</h2>
          <p class="quiet-text">
            A folder as the Medical Segmentation Decathlon has it: <code>dataset.json</code> beside{" "}
            <code>imagesTr</code> and <code>labelsTr</code>.
          </p>
          <FileDrop folder onFiles={takeFolder}>
            <strong>Drop a Decathlon folder</strong>
            <span>or press to choose one. Its labeled cases are copied into the browser's files.</span>
          </FileDrop>
        </section>
      </div>
      {tasks.value !== undefined && tasks.value.length > 0 && <TaskTable tasks={tasks.value} />}
    </>
  );
}

function BusyCard() {
  const at = busy.value;
  if (at === undefined) return null;
  const { label, done, all, cancel } = at;
  const copied = label.startsWith("Copying");
  const detail = copied ? `${bytesText(done)} of ${bytesText(all)}` : `${done} of ${all}`;
  return (
    <section class="card" aria-label="Progress">
      <Progress label={label} {...(all > 0 ? { share: done / all, detail } : {})} />
      <div class="row">
        <button type="button" onClick={cancel}>
          Cancel
        </button>
      </div>
    </section>
  );
}

interface PhantomSizes {
  readonly cases: number;
  readonly size: number;
  readonly fewest: number;
  readonly most: number;
  readonly seed: number;
}

const labels: Readonly<Record<keyof PhantomSizes, string>> = {
  cases: "Patients",
  size: "Pixels along an edge",
  fewest: "Fewest slices",
  most: "Most slices",
  seed: "Seed",
};
const names: readonly (keyof PhantomSizes)[] = ["cases", "size", "fewest", "most", "seed"];

function PhantomCard() {
  const sizes = useSignal<PhantomSizes>({ cases: 12, size: 64, fewest: 12, most: 20, seed: 1 });
  const vessels = useSignal(false);
  const begin = (): void => {
    const { cases, size, fewest, most, seed } = sizes.value;
    const options: PhantomOptions = {
      cases,
      size,
      seed,
      slices: [fewest, most],
      testCases: 1,
      task: vessels.value ? "vessel" : "liver",
    };
    void usePhantom(options);
  };
  return (
    <section class="card" aria-label="Synthetic patients">
      <h2>Synthetic patients</h2>
      <p class="quiet-text">No scans at hand? A phantom task has livers and tumors to learn.</p>
      <div class="row">
        <button type="button" class="primary" onClick={begin}>
          Try it on a phantom
        </button>
      </div>
      <details>
        <summary>Sizes of the phantom</summary>
        <div class="fields">
          {names.map((name) => (
            <label class="field" key={name}>
              {labels[name]}
              <input
                type="number"
                min={name === "seed" ? 0 : 1}
                value={sizes.value[name]}
                onInput={({ currentTarget }) => {
                  sizes.value = { ...sizes.value, [name]: currentTarget.valueAsNumber };
                }}
              />
            </label>
          ))}
          <label class="field">
            Organs
            <select
              value={vessels.value ? "vessel" : "liver"}
              onChange={({ currentTarget }) => {
                vessels.value = currentTarget.value === "vessel";
              }}
            >
              <option value="liver">liver and tumors</option>
              <option value="vessel">vessels and tumors</option>
            </select>
          </label>
        </div>
      </details>
    </section>
  );
}

const TaskTable = ({ tasks }: { tasks: readonly TaskSummary[] }) => (
  <section class="card" aria-label="Data in this browser">
    <h2>Data in this browser</h2>
    <div class="scrolled">
      <table class="stacked">
        <thead>
          <tr>
            <th scope="col">Data</th>
            <th scope="col" class="number">
              Cases
            </th>
            <th scope="col">Classes</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col">
              <span class="hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {tasks.map(({ name, cases, classes, bytes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{cases ?? "unfinished copy"}</td>
              <td>{classes.slice(1).join(", ")}</td>
              <td class="number">{bytesText(bytes)}</td>
              <td class="actions">
                {cases !== undefined && (
                  <button type="button" class="small" aria-label={`Train on ${name}`} onClick={() => useTask(name)}>
                    Train on it
                  </button>
                )}
                <Confirmed what={`Remove ${name}`} question="Remove these data for good?" act={() => removeTask(name)}>
                  Remove
                </Confirmed>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </section>
);
