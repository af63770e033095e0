import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

/** A button whose act is asked about first, in its place. */
export function Confirmed({
  what,
  question,
  act,
  children,
}: {
  /** What the button does, for those who do not see what it stands beside. */
  what: string;
  question: string;
  act: () => Promise<void>;
  children: ComponentChildren;
}) {
  const asked = useSignal(false);
  if (!asked.value)
    return (
      <button
        type="button"
        class="small"
        aria-label={what}
        onClick={() => {
          asked.value = true;
        }}
      >
        {children}
      </button>
    );
  const answer = (yes: boolean): void => {
    asked.value = false;
    if (yes) void act();
  };
  return (
    <span class="confirmed">
      <span class="small">{question}</span>
      <button type="button" class="small" aria-label={`${what}: yes`} onClick={() => answer(true)}>
        Yes
      </button>
      <button
        type="button"
        class="small"
        aria-label={`${what}: no`}
        ref={(button) => button?.focus()}
        onClick={() => answer(false)}
      >
        No
      </button>
    </span>
  );
}
