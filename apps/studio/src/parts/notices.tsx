import { signal } from "@preact/signals";
import { sentenceOf } from "./sentence.js";

/** Something that the reader is to know, wherever they are. */
interface Notice {
  readonly id: number;
  readonly kind: "problem" | "note";
  readonly text: string;
}

const notices = signal<readonly Notice[]>([]);
let made = 0;

function add(kind: Notice["kind"], text: string): void {
  if (notices.value.some((notice) => notice.text === text)) return;
  made += 1;
  notices.value = [...notices.value, { id: made, kind, text }];
}

/** Says what went wrong, once. */
export const reportProblem = (error: unknown): void => add("problem", sentenceOf(error));
/** Says what happened. */
export const note = (text: string): void => add("note", text);

const dismiss = (id: number): void => {
  notices.value = notices.value.filter((notice) => notice.id !== id);
};

export const Notices = () => (
  <div class="notices" role="status" aria-live="polite">
    {notices.value.map(({ id, kind, text }) => (
      <div key={id} class={`notice ${kind}`}>
        <p>{text}</p>
        <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(id)}>
          ✕
        </button>
      </div>
    ))}
  </div>
);
