import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { reportProblem } from "../parts/notices.js";
import { hidden, opacity, result, scan } from "./segment-state.js";

/** The scan and its labels in 3D. What draws it is loaded when it is first asked for. */
export function ThreeD() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawn = useSignal(false);
  const [opened, found] = [scan.value, result.value];
  const shown = hidden.value;
  useEffect(() => {
    const { current } = canvas;
    if (current === null || opened === undefined) return;
    let close: (() => void) | undefined;
    let left = false;
    drawn.value = false;
    const view = {
      scan: opened,
      labels: found?.labels,
      classes: found?.classes ?? [],
      hidden: shown,
      opacity: Math.max(0.6, opacity.value),
    };
    const draw = async (): Promise<void> => {
      const { showSolid } = await import("../viewer/solid-view.js");
      const ended = await showSolid(current, view);
      if (left) return ended();
      close = ended;
      drawn.value = true;
    };
    draw().catch(reportProblem);
    return () => {
      left = true;
      close?.();
    };
  }, [opened, found, shown]);
  return (
    <figure class="solid">
      <div class="solid-stage">
        <canvas
          key={`${opened?.path} ${found?.path} ${[...shown].join()}`}
          ref={canvas}
          aria-busy={!drawn.value}
          aria-label="The scan and its labels in 3D"
        />
      </div>
      <figcaption class="quiet-text small">Drag to turn, wheel to come nearer.</figcaption>
    </figure>
  );
}
