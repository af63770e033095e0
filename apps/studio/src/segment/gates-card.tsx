import { signal } from "@preact/signals";
import { quickEngine } from "../engine/start-engine.js";
import type { SliceMap } from "../viewer/draw-plane.js";
import { mapOnSlice } from "../viewer/gate-map.js";
import { bundledAddress, cursor, gateMap, model, result, scan, work, working } from "./segment-state.js";

/** What each gate lets through on the slice that was looked at last. */
const maps = signal<readonly ShownGate[]>([]);

/** A gate's map, and the least and most that it lets through. */
interface ShownGate {
  readonly name: string;
  readonly map: SliceMap;
  readonly range: readonly [number, number];
}

/** The map between its own least and most, so that small differences are seen. */
function stretched({ slice, values }: SliceMap): Pick<ShownGate, "map" | "range"> {
  const least = values.reduce((a, b) => Math.min(a, b), 1);
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const scale = most > least ? 1 / (most - least) : 0;
  return { map: { slice, values: values.map((value) => (value - least) * scale) }, range: [least, most] };
}

/** Looks into the model on the axial slice of the cursor. */
async function inspect(): Promise<void> {
  const [opened, found, chosen] = [scan.value, result.value, model.value];
  if (opened === undefined || found === undefined || chosen === undefined) return;
  const [width, height, depth] = opened.shape;
  const slice = cursor.value[2];
  const { inputSlices } = found;
  // As the network sees them: beyond the ends of the scan its outermost slice counts again.
  const slices = Array.from({ length: inputSlices }, (_, i) => {
    const at = Math.min(Math.max(slice + i - (inputSlices - 1) / 2, 0), depth - 1) * width * height;
    return opened.data.slice(at, at + width * height);
  });
  const seen = await working({ label: "Looking into the network", share: undefined, detail: "" }, () =>
    quickEngine().segmenting.gates(chosen, bundledAddress, { slices, width, height, spacing: opened.spacing }),
  );
  if (seen === undefined || scan.value !== opened) return;
  const { gates, input } = seen;
  const place = { slice, columns: width, rows: height };
  maps.value = gates.map((gate) => ({
    name: gate.name,
    ...stretched(mapOnSlice(gate, input, place)),
  }));
  gateMap.value = maps.value.at(-1)?.map;
}

/** The attention gates' maps, to be laid over the slice that was looked at. */
export function GatesCard() {
  if (result.value === undefined) return null;
  const map = gateMap.value;
  const shown = maps.value.find((each) => each.map === map);
  return (
    <section class="card" aria-label="Attention gates">
      <h2>Attention gates</h2>
      <button type="button" class="small" disabled={work.value !== undefined} onClick={() => void inspect()}>
        Look at axial slice {cursor.value[2] + 1}
      </button>
      {map !== undefined && (
        <>
          <label class="field">
            Gate
            <select
              value={shown?.name}
              onChange={({ currentTarget }) => {
                gateMap.value = maps.value.find(({ name }) => name === currentTarget.value)?.map;
              }}
            >
              {maps.value.map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
          <p class="quiet-text small">
            Yellow passes most ({shown?.range[1].toFixed(2)}), uncolored least ({shown?.range[0].toFixed(2)}). On axial
            slice {map.slice + 1} in the place of the labels.
          </p>
          <button
            type="button"
            class="small"
            onClick={() => {
              gateMap.value = undefined;
            }}
          >
            Show the labels again
          </button>
        </>
      )}
    </section>
  );
}
