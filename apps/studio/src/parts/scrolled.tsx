import type { ComponentChildren } from "preact";

/** Something that scrolls in its own frame, also by keyboard. */
export const Scrolled = ({
  label,
  class: name = "",
  children,
}: {
  label: string;
  class?: string;
  children: ComponentChildren;
}) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
  <section class={`scrolled ${name}`} tabIndex={0} aria-label={label}>
    {children}
  </section>
);
