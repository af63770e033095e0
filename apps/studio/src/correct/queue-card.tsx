import { model, scans, work } from "../segment/segment-state.js";
import { joined, next, openNext, ranked, rankScans } from "./correct-state.js";

/** Which of several scans is worth to be corrected next. */
export function QueueCard() {
  if (scans.value.length < 2) return null;
  const busy = work.value !== undefined || model.value === undefined;
  const nameOf = (path: string): string | undefined => scans.value.find((file) => file.path === path)?.name;
  return (
    <section class="card" aria-label="Correct next">
      <h2>Correct next</h2>
      <p class="quiet-text small">
        Where labels and those of the mirror image differ most, the model is least sure, and a correction teaches it
        most.
      </p>
      <div class="row">
        <button type="button" class="small" disabled={busy} onClick={() => void rankScans()}>
          Rank the scans
        </button>
        <button type="button" class="small" disabled={busy || next.value === undefined} onClick={() => void openNext()}>
          Show the next worst
        </button>
      </div>
      {ranked.value.length > 0 && (
        <ol class="ranked small">
          {ranked.value.map(({ path, share, slice }) => (
            <li key={path}>
              {nameOf(path)}: <span class="number">{(100 * share).toFixed(1)} %</span> differ, most on slice {slice + 1}
              {joined.value.has(path) ? " (corrected)" : ""}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
