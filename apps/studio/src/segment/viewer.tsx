import { planeNames } from "../viewer/plane.js";
import { PlaneView, type Stroke } from "../viewer/plane-view.js";
import { cursor, gateMap, layers, reading, revision, scan } from "./segment-state.js";

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
      <p class="reading number">
        voxel {x + 1}, {y + 1}, {z + 1} · {read?.hounsfield} HU{read?.name === undefined ? "" : ` · ${read.name}`}
      </p>
    </section>
  );
}
