import { columns, plural, visibleText } from "@lobule/data";
import { type Choice, type DataFacts, mergeSettings, type Range } from "@lobule/train";
import { Document, isMap, isScalar, visit } from "yaml";
import { wrap } from "../shared/text.js";

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
  readonly given: Plain;
}

type Plain = Readonly<Record<string, unknown>>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** YAML of a plan: what was found in the data on top, and above each setting why it is what it is. */
export function planText(plan: PlanFile): string {
  const { data, choices, given } = plan;
  const { data: _, ...own } = given;
  const chosen = asSettings(choices, given);
  const document = new Document({ data, ...mergeSettings(own, mergeSettings(chosen, own)) });
  for (const path of Object.entries(own).flatMap(([key, value]) => pathsOf(key, value, chosen))) {
    comment(document, path, "Given.");
  }
  for (const { setting, reason } of choices) comment(document, setting, reason);
  visit(document, {
    Seq: (_, node) => {
      node.flow = true;
    },
  });
  document.commentBefore = factLines(plan).map(commented).join("\n");
  return document.toString({ lineWidth: 0 });
}

/** Paths of what is given of a group: the group, where the plan chooses none of it, or else each setting of its own. */
const pathsOf = (key: string, value: unknown, chosen: Plain): readonly string[][] =>
  isPlain(value) && key in chosen ? Object.keys(value).map((inner) => [key, inner]) : [[key]];

/**
 * Choices in the form of a configuration. A group of which something is chosen says its kind where that is given, since
 * without it these settings would be taken for those of the usual kind.
 */
export function asSettings(choices: readonly Choice[], given: Plain): Record<string, unknown> {
  const settings: Record<string, Record<string, unknown> | unknown> = {};
  for (const {
    setting: [group = "", inner],
    value,
  } of choices) {
    const own = given[group];
    const kind = isPlain(own) && own.kind !== undefined ? { kind: own.kind } : {};
    const before = settings[group] ?? kind;
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
    ...classes.map((each) =>
      each.cases === 0
        ? `${each.name}: in no case, so it is not learned; check the labels`
        : `${each.name}: in ${plural(each.cases, "case")} and ${plural(each.slices, "slice")}, ${rangeText(each.milliliters)} ml`,
    ),
    "Ranges are of the cases, the median in brackets. All cases were read, those too that a run will hold out.",
  ].flatMap((line) => (line.length < columns - 2 ? [line] : wrap(line, "  ").map((part) => part.slice(2))));
}

const brief = (value: number): string => String(Number(value.toPrecision(3)));

const rangeText = ({ least, median, most }: Range): string =>
  least === most ? brief(least) : `${brief(least)} to ${brief(most)} (${brief(median)})`;
