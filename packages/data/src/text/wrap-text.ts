import { textWidth, visibleText } from "./visible-text.js";

/** Columns of a terminal that every table fits into. */
export const columns = 80;

/** Breaks a sentence into lines of at most 80 columns, each led by `indent`; a longer word keeps a line of its own. */
export function wrapText(sentence: string, indent: string): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of visibleText(sentence).split(" ")) {
    if (line !== "" && indent.length + textWidth(line) + 1 + textWidth(word) > columns) {
      lines.push(indent + line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, indent + line];
}
