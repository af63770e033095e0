import { textWidth, visibleJson, visibleText } from "@lobule/data";
import { withCommands } from "../command-line/program.js";
import { wrapLine } from "./text.js";

// The one place that writes to the terminal: names of classes, cases, files and adapters come from other people's files,
// and may hold escape sequences, line ends and characters that turn the direction of writing.

/** The line of progress below all others, on a terminal; empty where there is none. */
let status = "";

const eraseLine = "\r\x1b[K";

/** Writes text above the line of progress. */
function write(print: (text: string) => void, text: string): void {
  if (status !== "") process.stderr.write(eraseLine);
  print(text);
  if (status !== "") process.stderr.write(status);
}

/** Lines as a stream shows them: visible, commands as the user can run them, whole words on each line of a terminal. */
const shown = (lines: readonly string[], { isTTY, columns }: NodeJS.WriteStream): string =>
  lines
    .map(visibleText)
    // A terminal that a launcher such as mpirun makes has 0 columns.
    .flatMap((line) => (isTTY ? wrapLine(withCommands(line, undefined, "`"), columns || 80) : [withCommands(line)]))
    .map((line) => (isTTY ? line.replaceAll(/`([^`]*\blobule\b[^`]*)`/g, "$1") : line))
    .join("\n");

/** Writes lines to the output, each of which stays one where it fits. */
export function say(...lines: readonly string[]): void {
  write(console.log, shown(lines, process.stdout));
}

/**
 * Writes text of several lines to the output. What is not the program's own in it must have been made visible where the
 * text was put together, as `fit` and `wrap` do: here a line end in a name could not be told from the text's.
 */
export const sayText = (text: string): void => say(...text.split("\n"));

/** Writes lines to the error stream, each of which stays one where it fits. */
export function warn(...lines: readonly string[]): void {
  write(console.error, shown(lines, process.stderr));
}

/** Writes JSON text to the output; it holds the same values as before. */
export function sayJson(text: string): void {
  write(console.log, visibleJson(text));
}

/** Columns that a line of progress may have: behind it there is room for the ^C that a terminal shows. */
export const statusColumns = (): number => (process.stderr.columns || 80) - 3;

/** Shows a line of progress in place of the one before, or none. For terminals; what does not fit is not shown. */
export function showStatus(line: string): void {
  const visible = visibleText(line);
  const next = textWidth(visible) > statusColumns() ? "" : visible;
  if (next === status) return;
  process.stderr.write(eraseLine + next);
  status = next;
}
