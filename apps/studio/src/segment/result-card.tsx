import { colorOfLabel } from "@lobule/report";
import { durationText } from "../parts/quantities.js";
import { saveLabels, savePreview, saveStatistics } from "./save.js";
import { hidden, opacity, result } from "./segment-state.js";
import { currentVolumes } from "./volumes.js";

/** What was found: classes with their volumes, how they are drawn, and what can be saved. */
export function ResultCard() {
  const found = result.value;
  if (found === undefined)
    return (
      <section class="card">
        <h2>Labels</h2>
        <p class="quiet-text">Press Segment: volumes, downloads and corrections appear here.</p>
      </section>
    );
  return (
    <section class="card" aria-label="Labels">
      <h2>Labels</h2>
      <table class="classes">
        <thead>
          <tr>
            <th>Shown</th>
            <th>Class</th>
            <th class="number">ml</th>
          </tr>
        </thead>
        <tbody>
          {currentVolumes.value.map(({ name, millilitres, voxels }, i) => (
            <ClassRow key={name} label={i + 1} name={name} text={voxels === 0 ? "none" : millilitres.toFixed(1)} />
          ))}
        </tbody>
      </table>
      <label class="field">
        Opacity
        <input
          type="range"
          min={0}
          max={1}
          step={0.05}
          value={opacity.value}
          onInput={({ currentTarget }) => {
            opacity.value = Number(currentTarget.value);
          }}
        />
      </label>
      <p class="quiet-text small">Computed in {durationText(found.seconds)}.</p>
      {found.notes.map((text) => (
        <p key={text} class="small">
          {text}
        </p>
      ))}
      <Downloads />
    </section>
  );
}

const ClassRow = ({ label, name, text }: { label: number; name: string; text: string }) => (
  <tr>
    <td>
      <input
        type="checkbox"
        aria-label={`Show ${name}`}
        checked={!hidden.value.has(label)}
        onChange={({ currentTarget }) => {
          const others = [...hidden.value].filter((each) => each !== label);
          hidden.value = new Set(currentTarget.checked ? others : [...others, label]);
        }}
      />
    </td>
    <th scope="row">
      <span class="swatch" style={{ background: `rgb(${colorOfLabel(label).join(" ")})` }} /> {name}
    </th>
    <td class="number">{text}</td>
  </tr>
);

const Downloads = () => (
  <div class="row">
    <button type="button" class="small" onClick={() => void saveLabels()}>
      Labels .nii.gz
    </button>
    <button type="button" class="small" onClick={() => void savePreview()}>
      Preview .png
    </button>
    <button type="button" class="small" onClick={() => void saveStatistics()}>
      Statistics .json
    </button>
  </div>
);
