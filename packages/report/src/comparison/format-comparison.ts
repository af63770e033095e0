import { cutText, fitText, textWidth, visibleText } from "@lobule/data";
import { counted, fixed, missing, withPrefix } from "../page/format.js";
import type { ClassComparison, Comparison, RunReading, RunSummary } from "./compare-runs.js";
import { readings } from "./readings.js";
import { ends, notesOf, outcomes, probability, signed, titled, trainedOf } from "./texts.js";

const lineWidth = 80;

/** A column: its heading, its width with the space before it, and its texts. */
interface Column<Row> {
  readonly title: string;
  readonly width: number;
  readonly text: (row: Row) => string;
}

/** All figures as plain text, at most 80 columns wide. */
export function formatComparison(comparison: Comparison): string {
  const { runs, classes } = comparison;
  const [baseline] = runs;
  const heading = `${counted(runs.length, trainedOf(runs) > 1 ? "variant" : "run")}, ${readings[comparison.reading].title}; baseline: ${baseline ? titled(baseline) : missing}`;
  const blocks = [
    [cutText(heading, lineWidth)],
    ...classes.map((each) => classTable(each, comparison)),
    costTable(runs),
    notesOf(comparison).flatMap(wrapped),
  ];
  return `${blocks.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function classTable(
  { label, name, runs }: ClassComparison,
  { runs: summaries, reading, paired }: Comparison,
): string[] {
  const { digits, better } = readings[reading];
  const titles = new Map(summaries.map((each) => [each.key, titled(each)]));
  const ofDifference =
    (write: (difference: NonNullable<RunReading["difference"]>) => string) =>
    ({ difference }: RunReading): string =>
      difference === null ? "" : write(difference);
  const columns: Column<RunReading>[] = [
    { title: "mean", width: 7, text: ({ mean }) => fixed(mean, digits) },
    { title: "n", width: 4, text: ({ n }) => String(n) },
    { title: "diff", width: 8, text: ofDifference(({ mean }) => signed(mean, digits)) },
    {
      title: "95 % interval",
      width: 18,
      text: ofDifference(({ interval }) => ends(interval, (value) => signed(value, digits))),
    },
    ...(paired
      ? ([
          { title: "+/−/=", width: 9, text: ofDifference((difference) => outcomes(difference, better)) },
          { title: "p sign", width: 7, text: ofDifference(({ tests }) => probability(tests?.sign.holm)) },
          { title: "p rank", width: 7, text: ofDifference(({ tests }) => probability(tests?.wilcoxon.holm)) },
        ] satisfies Column<RunReading>[])
      : []),
  ];
  return table(`${name} (label ${label})`, columns, runs, ({ key }) => titles.get(key) ?? key);
}

const costTable = (runs: readonly RunSummary[]): string[] =>
  table<RunSummary>(
    "A training step",
    [
      { title: "batch", width: 6, text: ({ cost }) => String(cost.slices) },
      { title: "parameters", width: 11, text: ({ cost }) => withPrefix(cost.planned?.parameters).trim() },
      { title: "FLOPs", width: 9, text: ({ cost }) => withPrefix(cost.planned?.flops).trim() },
      { title: "moved", width: 10, text: ({ cost }) => bytes(cost.planned?.bytes) },
      { title: "peak", width: 10, text: ({ cost }) => bytes(cost.planned?.peakBytes) },
      { title: "ms", width: 9, text: ({ cost }) => milliseconds(cost.stepMilliseconds) },
    ],
    runs,
    titled,
  );

/** A title, headings and a line for each row; the first column takes the room that the others leave, at most 30. */
function table<Row>(
  title: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  nameOf: (row: Row) => string,
): string[] {
  const room = lineWidth - 2 - columns.reduce((sum, { width }) => sum + width, 0);
  const first = Math.min(30, room);
  const line = (name: string, texts: readonly string[]): string =>
    `  ${fitText(name, first)}${texts.map((text, i) => text.padStart(columns[i]?.width ?? 0)).join("")}`.trimEnd();
  return [
    cutText(title, lineWidth),
    line(
      "run",
      columns.map((column) => column.title),
    ),
    ...rows.map((row) =>
      line(
        nameOf(row),
        columns.map(({ text }) => text(row)),
      ),
    ),
  ];
}

/** A number of bytes with three digits. */
export const bytes = (value: number | undefined): string => (value === undefined ? missing : `${withPrefix(value)}B`);

export const milliseconds = (value: number | null): string =>
  value === null ? missing : fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0);

/** Lines of a paragraph, the later ones indented. */
function wrapped(paragraph: string): string[] {
  const lines = [""];
  for (const word of visibleText(paragraph).split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && textWidth(last) + 1 + textWidth(word) > lineWidth) lines.push(`  ${word}`);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
