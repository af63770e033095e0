import { columns, visibleText } from "@lobule/data";
import type { Choice, DataFacts, Range } from "@lobule/train";
import { Document, isMap, isScalar, visit } from "yaml";
import { plural, wrap } from "../shared/text.js";

/** A plan as a file of settings. */
export interface PlanFile {
  /** What the data set is called, and its folder's full path. */
  readonly name: string;
  readonly data: string;
  /** What the plan was made for. */
  readonly adapter: string;
  readonly facts: DataFacts;
  readonly choices: readonly Choice[];
  /** Settings that were given, in the form of a configuration. */
  readonly given: Readonly<Record<string, unknown>>;
}

/** YAML of a plan: what was found in the data on top, and above each setting why it is what it is. */
export function planText(plan: PlanFile): string {
  const { data, choices, given } = plan;
  const own = Object.entries(given).filter(([key, value]) => key !== "data" && value !== undefined);
  const document = new Document({ data, ...Object.fromEntries(own), ...asSettings(choices) });
  for (const [key] of own) comment(document, [key], "Given.");
  for (const { setting, reason } of choices) comment(document, setting, reason);
  visit(document, {
    Seq: (_, node) => {
      node.flow = true;
    },
  });
  document.commentBefore = factLines(plan).map(commented).join("\n");
  return document.toString({ lineWidth: 0 });
}

/** Choices in the form of a configuration. */
export function asSettings(choices: readonly Choice[]): Record<string, unknown> {
  const settings: Record<string, Record<string, unknown> | unknown> = {};
  for (const {
    setting: [group = "", inner],
    value,
  } of choices) {
    const before = settings[group];
    settings[group] = inner === undefined ? value : { ...(typeof before === "object" ? before : {}), [inner]: value };
  }
  return settings;
}

/** Of a comment, behind its number sign. */
const commented = (line: string): string => (line === "" ? "" : ` ${visibleText(line)}`);

function comment(document: Document, setting: readonly string[], text: string): void {
  const group = setting.length === 1 ? document.contents : document.getIn(setting.slice(0, -1));
  if (!isMap(group)) return;
  const key = group.items.find((each) => isScalar(each.key) && each.key.value === setting.at(-1))?.key;
  if (!isScalar(key)) return;
  const room = " ".repeat(2 * setting.length);
  key.commentBefore = wrap(visibleText(text), room)
    .map((line) => commented(line.slice(room.length)))
    .join("\n");
}

function factLines({ name, facts, adapter }: PlanFile): string[] {
  const { width, height, depth, spacing, slices, foregroundSlices, classes } = facts;
  const share = ((100 * foregroundSlices) / slices).toFixed(0);
  return [
    `A plan for ${name}, made on ${adapter}. Change what you like; train and crossval take it by --config.`,
    "",
    `${plural(facts.cases, "case")}, ${plural(slices, "slice")}, ${share} % of them with foreground`,
    `slices: ${rangeText(width)} × ${rangeText(height)} voxels, ${rangeText(depth)} of a case`,
    `spacing: ${spacing.map(rangeText).join(" × ")} mm`,
    ...classes.map(
      (each) =>
        `${each.name}: in ${plural(each.cases, "case")} and ${plural(each.slices, "slice")}, ${rangeText(each.milliliters)} ml`,
    ),
    "Ranges are of the cases, the median in brackets. All cases were read, those too that a run will hold out.",
  ].flatMap((line) => (line.length < columns - 2 ? [line] : wrap(line, "  ").map((part) => part.slice(2))));
}

const brief = (value: number): string => String(Number(value.toPrecision(3)));

const rangeText = ({ least, median, most }: Range): string =>
  least === most ? brief(least) : `${brief(least)} to ${brief(most)} (${brief(median)})`;
