/** HTML that is safe to put into a page. Only {@link html} and {@link trusted} make it. */
export class Html {
  constructor(readonly text: string) {}
}

/** What may stand in a template: text is escaped, lists are joined, null and undefined leave nothing. */
export type Part = Html | string | number | null | undefined | readonly Part[];

/** A template whose parts are escaped, so that no name from a file can become markup. */
export const html = (strings: TemplateStringsArray, ...parts: readonly Part[]): Html =>
  new Html(strings.map((text, i) => text + render(parts[i])).join(""));

/** HTML from a text that this program has written itself, such as a style sheet. */
export const trusted = (text: string): Html => new Html(text);

function render(part: Part): string {
  if (part === null || part === undefined) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(render).join("");
  return escapeText(String(part));
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for element content and quoted attributes; what HTML does not allow, or turns the direction of writing, becomes U+FFFD. */
const escapeText = (text: string): string =>
  text
    .replace(/[&<>"']/g, (character) => entities[character] ?? "")
    .replace(/[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd")
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd");
