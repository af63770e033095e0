import type { Vector3 } from "@lobule/data";
import type { TargetedPointerEvent } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { drawPlane, type Layers, type SliceMap } from "./draw-plane.js";
import {
  aspectOf,
  axesOf,
  extentOf,
  moved,
  movedWithin,
  type PlaneName,
  pixelOf,
  positionText,
  type Voxel,
  voxelAt,
} from "./plane.js";

/** What a stroke of the pointer does, where it does not move the cursor. */
export interface Stroke {
  begin(voxel: Voxel, plane: PlaneName): void;
  extend(voxel: Voxel, plane: PlaneName): void;
  end(): void;
}

interface PlaneViewProps {
  readonly plane: PlaneName;
  readonly layers: Layers;
  readonly spacing: Vector3;
  readonly cursor: Voxel;
  readonly onCursor: (voxel: Voxel) => void;
  /** Changes whenever the labels do, whose array stays the same. */
  readonly revision: number;
  readonly map?: SliceMap | undefined;
  readonly stroke?: Stroke | undefined;
}

/**
 * One of the three planes, with a crosshair at the cursor. Wheel and arrow keys go through its slices, arrow keys with Shift
 * move the crosshair in the slice, and Enter and the space bar do there what the pointer does.
 */
export function PlaneView(props: PlaneViewProps) {
  const { plane, layers, spacing, cursor, onCursor, stroke } = props;
  const canvas = useDrawn(props);
  const { shape } = layers;
  const [columns, rows] = extentOf(plane, shape);
  const drag = useDrag(
    ({ clientX, clientY, currentTarget }, first) => {
      const box = currentTarget.getBoundingClientRect();
      const column = Math.floor(((clientX - box.left) / box.width) * columns);
      const row = Math.floor(((clientY - box.top) / box.height) * rows);
      const voxel = voxelAt(plane, [column, row], shape, cursor);
      if (voxel === undefined) return;
      if (stroke === undefined) onCursor(voxel);
      else if (first) stroke.begin(voxel, plane);
      else stroke.extend(voxel, plane);
    },
    () => stroke?.end(),
  );
  return (
    <figure class="plane">
      <figcaption>
        {plane} <span class="number">{positionText(plane, cursor, shape)}</span>
      </figcaption>
      <div class="plane-stage">
        <div class="plane-picture" style={{ "--aspect": String(aspectOf(plane, shape, spacing)) }}>
          <canvas
            ref={canvas}
            width={columns}
            height={rows}
            tabIndex={0}
            role="slider"
            aria-label={`${plane} slices`}
            aria-orientation="vertical"
            aria-valuemin={1}
            aria-valuemax={shape[axesOf[plane].along]}
            aria-valuenow={cursor[axesOf[plane].along] + 1}
            aria-valuetext={positionText(plane, cursor, shape)}
            class={stroke === undefined ? "" : "drawing"}
            onWheel={(event) => {
              event.preventDefault();
              onCursor(moved(plane, cursor, event.deltaY < 0 ? 1 : -1, shape));
            }}
            onKeyDown={(event) => {
              const act = actOf(event, props);
              if (act === undefined) return;
              event.preventDefault();
              act();
            }}
            {...drag}
          />
          <Marks {...props} />
        </div>
      </div>
    </figure>
  );
}

/** What stands on the picture: the crosshair, and at each side the direction of the patient. */
function Marks({ plane, layers: { shape }, cursor }: PlaneViewProps) {
  const [columns, rows] = extentOf(plane, shape);
  const [column, row] = pixelOf(plane, cursor, shape);
  return (
    <>
      <span class="hair across" style={{ top: `${(100 * (row + 0.5)) / rows}%` }} />
      <span class="hair down" style={{ left: `${(100 * (column + 0.5)) / columns}%` }} />
      {axesOf[plane].letters.map((letter, side) => (
        <span key={letter} class={`letter side-${side}`} aria-hidden="true">
          {letter}
        </span>
      ))}
    </>
  );
}

/** What a key does; undefined where that is left to the browser. */
function actOf(
  { key, shiftKey, ctrlKey, metaKey, altKey }: KeyboardEvent,
  { plane, layers: { shape }, cursor, onCursor, stroke }: PlaneViewProps,
): (() => void) | undefined {
  if (ctrlKey || metaKey || altKey) return undefined;
  const pixels = shiftKey ? pixelsOfKey[key] : undefined;
  if (pixels !== undefined) return () => onCursor(movedWithin(plane, cursor, pixels, shape));
  if (key === "Enter" || key === " ")
    return () => {
      stroke?.begin(cursor, plane);
      stroke?.end();
    };
  const slices = slicesOfKey[key];
  return slices === undefined ? undefined : () => onCursor(moved(plane, cursor, slices, shape));
}

/** A canvas on which the slice at the cursor is drawn whenever it changes. */
function useDrawn({ plane, layers, cursor, revision, map }: PlaneViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    // What changed several times before the next frame is drawn once.
    const frame = requestAnimationFrame(() => {
      const context = canvas.current?.getContext("2d");
      if (context == null) return;
      const image = context.createImageData(...extentOf(plane, layers.shape));
      drawPlane(image.data, plane, cursor, layers, map);
      context.putImageData(image, 0, 0);
    });
    return () => cancelAnimationFrame(frame);
  }, [plane, layers, cursor, revision, map]);
  return canvas;
}

type CanvasPointer = TargetedPointerEvent<HTMLCanvasElement>;

/** Handlers of a pointer from where it is pressed to where it is let go. */
function useDrag(follow: (event: CanvasPointer, first: boolean) => void, end: () => void) {
  const pressed = useRef(false);
  const finish = (): void => {
    if (pressed.current) end();
    pressed.current = false;
  };
  return {
    onPointerDown: (event: CanvasPointer): void => {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      pressed.current = true;
      follow(event, true);
    },
    onPointerMove: (event: CanvasPointer): void => {
      if (pressed.current) follow(event, false);
    },
    onPointerUp: finish,
    onPointerCancel: finish,
  };
}

const pixelsOfKey: Readonly<Record<string, readonly [right: number, down: number]>> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

const slicesOfKey: Readonly<Record<string, number>> = {
  ArrowUp: 1,
  ArrowRight: 1,
  PageUp: 10,
  End: 1e9,
  ArrowDown: -1,
  ArrowLeft: -1,
  PageDown: -10,
  Home: -1e9,
};
