import { fitText, textWidth, visibleText } from "@lobule/data";

/** Columns of a terminal that every table fits into. */
export const columns = 80;

/** Cuts a text in the middle if it is longer than `width`, and fills it up if it is shorter. */
export const fit = fitText;

/** Breaks a sentence into lines of at most 80 columns, each led by `indent`; a longer word keeps a line of its own. */
export function wrap(sentence: string, indent: string): string[] {
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

/** "1 case", "2 cases". */
export const plural = (count: number, thing: string): string =>
  `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;

/** A number with at most five significant digits, without zeros at its end. */
export const brief = (value: number): string => String(Number(value.toPrecision(5)));
