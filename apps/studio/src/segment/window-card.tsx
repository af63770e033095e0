import { windowPresets } from "../viewer/window.js";
import { contrast } from "./segment-state.js";

/** Which HU are told apart on the screen. */
export function WindowCard() {
  const { level, width } = contrast.value;
  const number = (text: string): number | undefined => {
    const value = Number(text);
    return text.trim() !== "" && Number.isFinite(value) ? value : undefined;
  };
  return (
    <section class="card">
      <h2>Window</h2>
      <div class="row">
        {windowPresets.map((preset) => (
          <button
            key={preset.name}
            type="button"
            class="small"
            aria-pressed={preset.level === level && preset.width === width}
            onClick={() => {
              contrast.value = { level: preset.level, width: preset.width };
            }}
          >
            {preset.name}
          </button>
        ))}
      </div>
      <div class="level-width">
        <label class="field">
          Level, HU
          <input
            type="number"
            value={level}
            onChange={({ currentTarget }) => {
              contrast.value = { level: number(currentTarget.value) ?? level, width };
            }}
          />
        </label>
        <label class="field">
          Width, HU
          <input
            type="number"
            min={1}
            value={width}
            onChange={({ currentTarget }) => {
              contrast.value = { level, width: Math.max(1, number(currentTarget.value) ?? width) };
            }}
          />
        </label>
      </div>
    </section>
  );
}
