import { DataError } from "@lobule/data";

/** What the labels of a folder are to a model. */
export interface LabelMapping {
  /** By each label of the folder the label of the model that it counts as. */
  readonly to: readonly number[];
  /** What was asked for beyond names that agree. */
  readonly asked: readonly { readonly from: number; readonly to: number }[];
  /** Labels of the model, from 1 and rising, that some label of the folder counts as; the others cannot be measured. */
  readonly measured: readonly number[];
}

/** Names of labels by their values, and what they are of: "runs/liver", "the folder OTHER". */
export interface NamedLabels {
  readonly of: string;
  readonly names: readonly string[];
}

/** Upper and lower case, white space, hyphens and underscores make no difference. */
const folded = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, "");

/** Whether two lists name the same things in the same order. */
export const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => folded(name) === folded(b[i] ?? ""));

/** "0 background, 1 liver" */
export const listLabels = (names: readonly string[]): string =>
  names.map((name, value) => `${value} ${name}`).join(", ");

/**
 * What each label of a folder counts as: what is asked for, or else the model's label of the same value, if its name is
 * the same. Several labels may count as one; 0 counts as the background.
 * @param asked as typed: "2=1", "tumor=cancer", "kidney=0"; the folder's label first, values or names.
 * @throws DataError when a name differs and nothing is asked for it, saying what to ask for; or for an entry of `asked`
 * that names no label.
 */
export function mapLabels(theirs: NamedLabels, ours: NamedLabels, asked: readonly string[] = []): LabelMapping {
  const wanted = new Map<number, number>();
  for (const text of asked) {
    const [from, to] = parseEntry(text, theirs, ours);
    if (wanted.has(from) && wanted.get(from) !== to) {
      throw new DataError(`--map gives label ${from} of ${theirs.of} twice; give each label once`);
    }
    wanted.set(from, to);
  }
  const agrees = (value: number): boolean =>
    value === 0
      ? !ours.names.slice(1).some((name) => folded(name) === folded(theirs.names[0] ?? ""))
      : folded(ours.names[value] ?? "") === folded(theirs.names[value] ?? "") && value < ours.names.length;
  const open = theirs.names.flatMap((_, value) => (wanted.has(value) || agrees(value) ? [] : [value]));
  if (open.length > 0) throw new DataError(refusal(theirs, ours, open));
  const to = theirs.names.map((_, value) => wanted.get(value) ?? value);
  const measured = [...new Set(to)].filter((value) => value > 0).sort((a, b) => a - b);
  if (measured.length === 0) {
    throw new DataError(`--map makes background of all labels of ${theirs.of}, so there is nothing to measure`);
  }
  return { to, measured, asked: [...wanted].map(([from, target]) => ({ from, to: target })) };
}

/** Both sides, and the flags that would settle it. */
function refusal(theirs: NamedLabels, ours: NamedLabels, open: readonly number[]): string {
  const free = ours.names.flatMap((name, value) =>
    value > 0 && !theirs.names.some((other) => folded(other) === folded(name)) ? [value] : [],
  );
  const suggestions = open.map((value) => {
    const name = theirs.names[value] ?? "";
    const same = ours.names.findIndex((other) => folded(other) === folded(name));
    const target = same >= 0 ? same : free.includes(value) ? value : 0;
    return { text: `--map ${value}=${target}`, guess: same < 0, name, meant: ours.names[target] ?? "" };
  });
  const guesses = suggestions.filter(({ guess }) => guess).map(({ name, meant }) => `${name} counts as ${meant} then`);
  return (
    `the labels of ${theirs.of} (${listLabels(theirs.names)}) are not those of ${ours.of} (${listLabels(ours.names)}); ` +
    `say what each counts as: ${suggestions.map(({ text }) => text).join(" ")}` +
    `${guesses.length === 0 ? "" : ` (${guesses.join(", ")}; give another value if that is not meant, 0 for the background)`}`
  );
}

/** An entry such as "2=1"; names may hold an equals sign themselves. */
function parseEntry(text: string, theirs: NamedLabels, ours: NamedLabels): readonly [from: number, to: number] {
  const signs = [...text].flatMap((character, at) => (character === "=" ? [at] : []));
  if (signs.length === 0) {
    throw new DataError(`--map needs FROM=TO, such as 2=1 or tumor=cancer, got '${text}'`);
  }
  const sides = signs.map((at) => [text.slice(0, at), text.slice(at + 1)] as const);
  for (const [left, right] of sides) {
    const [from, to] = [labelOf(left, theirs.names), labelOf(right, ours.names)];
    if (from !== undefined && to !== undefined) return [from, to];
  }
  const [left = "", right = ""] = sides[0] ?? [];
  const unknown = labelOf(left, theirs.names) === undefined ? ([left, theirs] as const) : ([right, ours] as const);
  throw new DataError(
    `--map ${text}: '${unknown[0]}' is no label of ${unknown[1].of}, or several have this name; there are ${listLabels(unknown[1].names)}`,
  );
}

/** The label of a value or a name; undefined for none, or a name that several have. */
function labelOf(text: string, names: readonly string[]): number | undefined {
  if (/^\s*\d+\s*$/.test(text)) return Number(text) < names.length ? Number(text) : undefined;
  const values = names.flatMap((name, value) => (folded(name) === folded(text) ? [value] : []));
  return values.length === 1 ? values[0] : undefined;
}
