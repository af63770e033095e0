import { FileDrop } from "../parts/file-drop.js";
import { addModel, choices, model, models, segmentScan, work } from "./segment-state.js";

/** Which model labels the scan, and how. */
export function ModelCard() {
  const { mirror, largestComponent } = choices.value;
  return (
    <section class="card">
      <h2>Model</h2>
      <label class="field">
        Model
        <select
          value={model.value?.path}
          onChange={({ currentTarget }) => {
            model.value = models.value.find(({ path }) => path === currentTarget.value);
          }}
        >
          {models.value.map(({ path, title }) => (
            <option key={path} value={path}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        class="primary"
        disabled={work.value !== undefined || model.value === undefined}
        onClick={() => void segmentScan()}
      >
        Segment
      </button>
      <details>
        <summary>Options, other models</summary>
        <div class="inner">
          <label class="check">
            <input
              type="checkbox"
              checked={mirror}
              onChange={({ currentTarget }) => {
                choices.value = { mirror: currentTarget.checked, largestComponent };
              }}
            />
            Average over mirror images (4× the work)
          </label>
          <label class="check">
            <input
              type="checkbox"
              checked={largestComponent}
              onChange={({ currentTarget }) => {
                choices.value = { mirror, largestComponent: currentTarget.checked };
              }}
            />
            Keep the largest connected part
          </label>
          <FileDrop accept=".zip,.safetensors" onFiles={(files) => void addModel(files)}>
            <strong>Add a model</strong>
            <span>a zip of a run folder, or a checkpoint</span>
          </FileDrop>
          <FileDrop folder onFiles={(files) => void addModel(files)}>
            <strong>Add a run folder</strong>
          </FileDrop>
        </div>
      </details>
    </section>
  );
}
