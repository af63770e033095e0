import { useEffect } from "preact/hooks";
import { result, work } from "../segment/segment-state.js";
import {
  fineTune,
  history,
  joinSet,
  largestRadius,
  painted,
  radius,
  redo,
  setName,
  setRadius,
  solid,
  type Tool,
  tool,
  undo,
} from "./correct-state.js";
import "./correct.css";

const named: readonly { readonly tool: Tool; readonly title: string; readonly key: string }[] = [
  { tool: "look", title: "Look", key: "v" },
  { tool: "brush", title: "Brush", key: "b" },
  { tool: "eraser", title: "Eraser", key: "e" },
  { tool: "fill", title: "Fill", key: "f" },
];

/** Corrects labels by hand, and makes of them what a model learns from. */
export function CorrectCard() {
  const found = result.value;
  useEffect(() => {
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  if (found === undefined) return null;
  const { canUndo, canRedo } = history.value;
  const busy = work.value !== undefined;
  return (
    <section class="card" aria-label="Correct">
      <h2>Correct</h2>
      <Tools />
      <BrushFields classes={found.classes} />
      <label class="check">
        <input
          type="checkbox"
          checked={solid.value}
          onChange={({ currentTarget }) => {
            solid.value = currentTarget.checked;
          }}
        />
        3D: brush and eraser reach into the slices beside
      </label>
      <div class="row">
        <button type="button" class="small" disabled={!canUndo} onClick={undo}>
          Undo
        </button>
        <button type="button" class="small" disabled={!canRedo} onClick={redo}>
          Redo
        </button>
      </div>
      <label class="field">
        Training set
        <input
          value={setName.value}
          onInput={({ currentTarget }) => {
            setName.value = currentTarget.value;
          }}
        />
      </label>
      <div class="row">
        <button type="button" class="small" disabled={busy} onClick={() => void joinSet()}>
          Add the case
        </button>
        <button type="button" class="small" disabled={busy} onClick={() => void fineTune()}>
          Fine-tune the model
        </button>
      </div>
      <details>
        <summary>Keys</summary>
        <p class="inner small">
          V look, B brush, E eraser, F fill, 3 in 3D, [ and ] radius, Shift and a digit the class, Ctrl+Z undo,
          Ctrl+Shift+Z or Ctrl+Y redo; in a plane arrows for the slice, Shift and arrows for the crosshair, Enter to
          paint there
        </p>
      </details>
    </section>
  );
}

/** Buttons of which one is pressed: what the pointer does. */
function Tools() {
  return (
    <fieldset class="tools">
      <legend class="hidden">Tools</legend>
      {named.map(({ tool: each, title, key }) => (
        <button
          key={each}
          type="button"
          class="small"
          aria-pressed={tool.value === each}
          aria-keyshortcuts={key}
          title={`${title} (${key.toUpperCase()})`}
          onClick={() => {
            tool.value = each;
          }}
        >
          {title}
        </button>
      ))}
    </fieldset>
  );
}

/** What is painted, and how widely. */
function BrushFields({ classes }: { readonly classes: readonly string[] }) {
  return (
    <div class="level-width">
      <label class="field">
        Class
        <select
          value={painted.value}
          onChange={({ currentTarget }) => {
            painted.value = Number(currentTarget.value);
          }}
        >
          {classes.slice(1).map((name, i) => (
            <option key={name} value={i + 1}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="field">
        Radius, mm
        <input
          type="number"
          min={0}
          max={largestRadius}
          value={radius.value}
          onInput={({ currentTarget }) => {
            setRadius(Number(currentTarget.value) || 0);
          }}
        />
      </label>
    </div>
  );
}

/** Keys work wherever nothing is typed. */
function onKey(event: KeyboardEvent): void {
  const { target, key } = event;
  if (result.value === undefined || event.altKey) return;
  if (target instanceof HTMLInputElement && target.type !== "checkbox" && target.type !== "range") return;
  if (target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement) return;
  const act = event.ctrlKey || event.metaKey ? withControl(event) : plain(key, event.code, event.shiftKey);
  if (act === undefined) return;
  event.preventDefault();
  act();
}

function withControl({ key, shiftKey }: KeyboardEvent): (() => void) | undefined {
  const letter = key.toLowerCase();
  if (letter === "z") return shiftKey ? redo : undo;
  return letter === "y" ? redo : undefined;
}

function plain(key: string, code: string, shift: boolean): (() => void) | undefined {
  const chosen = named.find((each) => each.key === key.toLowerCase());
  if (chosen !== undefined)
    return () => {
      tool.value = chosen.tool;
    };
  const digit = Number(/^Digit([1-9])$/.exec(code)?.[1] ?? 0);
  if (shift && digit > 0 && digit < (result.value?.classes.length ?? 0))
    return () => {
      painted.value = digit;
    };
  if (key === "3")
    return () => {
      solid.value = !solid.value;
    };
  if (key === "[" || key === "]")
    return () => {
      setRadius(radius.value + (key === "]" ? 1 : -1));
    };
  return undefined;
}
