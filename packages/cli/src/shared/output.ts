import { visibleJson, visibleText } from "@lobule/data";

// The one place that writes to the terminal: names of classes, cases, files and adapters come from other people's files,
// and may hold escape sequences, line ends and characters that turn the direction of writing.

/** Writes lines to the output, each of which stays one. */
export function say(...lines: readonly string[]): void {
  console.log(lines.map(visibleText).join("\n"));
}

/**
 * Writes text of several lines to the output. What is not the program's own in it must have been made visible where the
 * text was put together, as `fit` and `wrap` do: here a line end in a name could not be told from the text's.
 */
export const sayText = (text: string): void => say(...text.split("\n"));

/** Writes lines to the error stream, each of which stays one. */
export function warn(...lines: readonly string[]): void {
  console.error(lines.map(visibleText).join("\n"));
}

/** Writes JSON text to the output; it holds the same values as before. */
export function sayJson(text: string): void {
  console.log(visibleJson(text));
}
