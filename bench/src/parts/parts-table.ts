import type { Figure, PartResult } from "./part.js";

/** A number with three digits, in powers of ten where it is very small. */
const digits = (value: number): string =>
  value !== 0 && Math.abs(value) < 0.001
    ? value.toExponential(1)
    : Math.abs(value) >= 100
      ? Math.round(value).toLocaleString("en-US")
      : String(Number(value.toPrecision(3)));

function cell({ value, unit, spread }: Figure): string {
  const text = `${digits(value)}${unit === "" ? "" : unit === "×" ? "×" : ` ${unit}`}`;
  return spread === undefined ? text : `${text} (${digits(spread[0])} to ${digits(spread[1])})`;
}

/** What stands in a cell must not end it. */
const escaped = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll("|", "\\|");

/** A table of Markdown whose columns are as wide as what they hold. */
export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const all = [head, ...rows].map((row) => head.map((_, column) => escaped(row[column] ?? "")));
  const widths = head.map((_, column) => Math.max(3, ...all.map((row) => [...(row[column] ?? "")].length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, column) => text + " ".repeat((widths[column] ?? 0) - [...text].length)).join(" | ")} |`;
  const [first = [], ...others] = all;
  return [line(first), line(widths.map((width) => "-".repeat(width))), ...others.map(line)].join("\n");
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)];

/** A row for each subject, a column for each quantity. */
function figureTable(title: string, figures: readonly Figure[]): string {
  const quantities = distinct(figures.map(({ quantity }) => quantity));
  const rows = distinct(figures.map(({ subject }) => subject)).map((subject) => [
    subject,
    ...quantities.map((quantity) => {
      const figure = figures.find((each) => each.subject === subject && each.quantity === quantity);
      return figure === undefined ? "" : cell(figure);
    }),
  ]);
  return markdownTable([[title, ...quantities], ...rows]);
}

const megabytes = (bytes: number | null | undefined): string =>
  bytes === null || bytes === undefined ? "" : `${digits(bytes / 1e6)} MB`;

function cardText({ measured }: PartResult): string {
  if (measured?.card === null || measured?.card === undefined) return "";
  const { beforeBytes, mostBytes } = measured.card;
  return `${megabytes(mostBytes - beforeBytes)} (${megabytes(beforeBytes)} before)`;
}

/** What became of each part, without columns of which nothing is known, then a table for each that has figures: Markdown in the form of RESULTS.md. */
export function partsTable(heading: string, parts: readonly PartResult[]): string {
  const overview = parts.map((part) => [
    part.name,
    part.why === undefined ? part.status : `${part.status}: ${part.why}`,
    part.measured === undefined ? "" : `${digits(part.measured.seconds)} s`,
    megabytes(part.measured?.residentBytes),
    megabytes(part.measured?.folderBytes),
    cardText(part),
  ]);
  const head = ["part", "outcome", "time", "most memory of the process", "its folder", "on the card, more than before"];
  const told = head.map((_, column) => overview.some((row) => row[column] !== ""));
  const shown = [head, ...overview].map((row) => row.filter((_, column) => told[column]));
  const tables = parts.flatMap(({ title, command, figures, notes, lastLines }) => {
    if (figures.length === 0 && notes.length === 0 && lastLines.length === 0) return [];
    return [
      `### ${title}`,
      `\`${command}\``,
      ...(figures.length === 0 ? [] : [figureTable("", figures)]),
      ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
      ...(lastLines.length === 0 ? [] : [["```", ...lastLines, "```"].join("\n")]),
    ];
  });
  return `${[`## ${heading}`, markdownTable(shown), ...tables].join("\n\n")}\n`;
}
