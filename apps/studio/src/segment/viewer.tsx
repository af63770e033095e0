import { signal } from "@preact/signals";
import { planeNames } from "../viewer/plane.js";
import { PlaneView, type Stroke } from "../viewer/plane-view.js";
import { cursor, gateMap, layers, reading, revision, scan } from "./segment-state.js";
import { ThreeD } from "./three-d.js";

/** Whether the scan is shown in 3D too. */
const solidView = signal(false);

/** The three planes of the scan. @param stroke what the pointer does instead of moving the cursor. */
export function Viewer({ stroke }: { stroke?: Stroke | undefined }) {
  const [opened, drawn] = [scan.value, layers.value];
  if (opened === undefined || drawn === undefined) return null;
  const [x, y, z] = cursor.value;
  const read = reading.value;
  return (
    <section class="viewer" aria-label="The scan">
      <div class="planes">
        {planeNames.map((plane) => (
          <PlaneView
            key={plane}
            plane={plane}
            layers={drawn}
            spacing={opened.spacing}
            cursor={cursor.value}
            onCursor={(voxel) => {
              cursor.value = voxel;
            }}
            revision={revision.value}
            map={gateMap.value}
            stroke={stroke}
          />
        ))}
      </div>
      <div class="row below">
        <p class="reading number">
          voxel {x + 1}, {y + 1}, {z + 1} · {read?.hounsfield} HU{read?.name === undefined ? "" : ` · ${read.name}`}
        </p>
        <button
          type="button"
          class="small end"
          aria-pressed={solidView.value}
          onClick={() => {
            solidView.value = !solidView.value;
          }}
        >
          3D view
        </button>
      </div>
      {solidView.value && <ThreeD />}
    </section>
  );
}
