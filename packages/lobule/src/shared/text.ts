import { columns, fitText, textWidth, wrapText } from "@lobule/data";

/** Cuts a text in the middle if it is longer than `width`, and fills it up if it is shorter. */
export const fit = fitText;

/** Breaks a sentence into lines of at most 80 columns, each led by an indent. */
export const wrap = wrapText;

/** A number with at most five significant digits, without zeros at its end. */
export const brief = (value: number): string => String(Number(value.toPrecision(5)));

/** "4.39 GB"; below one gigabyte whole megabytes, such as "42 MB". */
export const bytesText = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${Math.ceil(bytes / 1e6)} MB`;

/**
 * Breaks a line that is wider than a terminal between its words, with an indent for what follows. Commands in backquotes
 * are not broken; one that is wider than the terminal has lines of its own.
 */
export function wrapLine(line: string, width: number): string[] {
  if (textWidth(line) <= width) return [line];
  const indent = `${/^ */.exec(line)?.[0] ?? ""}  `;
  const lines: string[] = [];
  let current = "";
  for (const word of line.trim().split(/ (?=(?:[^`]*`[^`]*`)*[^`]*$)/)) {
    const start = lines.length === 0 ? indent.slice(2) : indent;
    if (current !== "" && textWidth(start) + textWidth(current) + 1 + textWidth(word) > width) {
      lines.push(start + current);
      current = word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  return [...lines, (lines.length === 0 ? indent.slice(2) : indent) + current];
}

/** As many parts, the first ones, as fit into a width, joined by two spaces; none is cut. */
export function partsThatFit(parts: readonly string[], width: number): string {
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? part : `${line}  ${part}`;
    if (textWidth(longer) > width) break;
    line = longer;
  }
  return line;
}

/** Parts joined by two spaces, in as many lines of at most 80 columns as it takes. */
export function partsInLines(parts: readonly string[], indent: string): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + 2 + textWidth(part) <= columns)
      lines[lines.length - 1] = `${last}  ${part}`;
    else lines.push(lines.length === 0 ? part : indent + part);
  }
  return lines;
}

/** Seconds as "0:07", "12:30" or "1:02:03". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const padded = (value: number): string => String(value).padStart(2, "0");
  return hours > 0 ? `${hours}:${padded(minutes)}:${padded(rest)}` : `${minutes}:${padded(rest)}`;
}
