import { boundsText, type NumberBounds, suggestion } from "@lobule/data";
import { UsageError } from "./usage-error.js";

/** What a path on the command line is for. What is written is checked before a command begins. */
export type PathUse = "input" | "file" | "folder" | "file or folder";

/** An option or a positional argument: what it is for, the words that it takes, and what becomes of them. */
interface AnyOption<Value> {
  readonly describe: string;
  /** Stands for the words in the help; none where it takes none. */
  readonly placeholder?: string;
  /**
   * How many words follow; several where it takes a list, "number" where it takes a whole number or none, "choice" where it
   * takes one of its choices or none.
   */
  readonly words: 0 | 1 | 2 | "several" | "number" | "choice";
  /** Whether it may be given several times, each with its words. */
  readonly repeatable?: boolean;
  /** The only words there are. */
  readonly choices?: readonly string[];
  readonly path?: PathUse;
  /** A letter that stands for it. */
  readonly short?: string;
  /** Heading in the help. */
  readonly group?: string;
  /** Whether `--no-NAME` is the opposite. */
  readonly negatable?: boolean;
  /** Option without which it has no effect. */
  readonly needs?: string;
  /** Options that it has no effect beside, each with the reason. */
  readonly conflicts?: Readonly<Record<string, string>>;
  /** @throws UsageError when the words do not fit; `name` is how the user calls the option. */
  readonly read: (words: readonly string[], name: string) => Value;
}

/** One that may be left out. */
export interface OptionalOption<Value = unknown> extends AnyOption<Value> {
  readonly required?: false;
  /** The value where it is not given. */
  readonly absent: Value;
}

/** One that must be given. */
export interface RequiredOption<Value = unknown> extends AnyOption<Value> {
  readonly required: true;
}

export type Option<Value = unknown> = OptionalOption<Value> | RequiredOption<Value>;

type Common = Pick<Option, "short" | "needs" | "conflicts">;
/** The one word of an option that takes one. */
const only = ([word = ""]: readonly string[]): string => word;

/** True where it is given. */
export const flag = (describe: string, common: Common = {}): OptionalOption<boolean> => ({
  describe,
  words: 0,
  absent: false,
  read: () => true,
  ...common,
});

/** True or, by `--no-NAME`, false where it is given. */
export const toggle = (describe: string, common: Common = {}): OptionalOption<boolean | undefined> => ({
  describe,
  words: 0,
  negatable: true,
  absent: undefined,
  read: ([word]: readonly string[]) => word !== "no",
  ...common,
});

export const text = (
  describe: string,
  placeholder: string,
  common: Common = {},
): OptionalOption<string | undefined> => ({
  describe,
  placeholder,
  words: 1,
  absent: undefined,
  read: only,
  ...common,
});

/** A path; that of a file or folder that will be written is checked before the command begins. */
export const path = (describe: string, use: PathUse, placeholder: string, common: Common = {}) => ({
  ...text(describe, placeholder, common),
  path: use,
});

export function choice<const Choice extends string>(
  choices: readonly Choice[],
  describe: string,
  common: Common = {},
): OptionalOption<Choice | undefined> {
  const read = (words: readonly string[], name: string): Choice => {
    const found = choices.find((each) => each === only(words));
    if (found !== undefined) return found;
    throw new UsageError(
      `${name} is one of ${choices.join(", ")}, got '${only(words)}'${suggestion(only(words), choices)}`,
    );
  };
  return { describe, placeholder: "NAME", words: 1, choices, absent: undefined, read, ...common };
}

/** A decimal number as people write it: what Number takes besides, such as "", "0x1f" or "Infinity", is none. */
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

const fits = (value: number, { least, most, above, below, multipleOf = 0 }: NumberBounds): boolean =>
  (least === undefined || value >= least) &&
  (most === undefined || value <= most) &&
  (above === undefined || value > above) &&
  (below === undefined || value < below) &&
  (multipleOf === 0 || value % multipleOf === 0);

function readNumber(word: string, name: string, whole: boolean, bounds: NumberBounds): number {
  const value = decimal.test(word) ? Number(word) : Number.NaN;
  const right = Number.isFinite(value) && (!whole || Number.isSafeInteger(value)) && fits(value, bounds);
  if (right) return value;
  throw new UsageError(`${name} needs a ${whole ? "whole " : ""}number${boundsText(bounds)}, got '${word}'`);
}

const numeric =
  (whole: boolean) =>
  (describe: string, bounds: NumberBounds = {}, common: Common = {}): OptionalOption<number | undefined> => ({
    describe,
    placeholder: whole ? "N" : "X",
    words: 1,
    absent: undefined,
    read: (words, name) => readNumber(only(words), name, whole, bounds),
    ...common,
  });

export const whole = numeric(true);
export const number = numeric(false);

/** A whole number or, where none is written behind the option, `plain`. */
export const wholeOr = (
  plain: number,
  describe: string,
  placeholder: string,
  bounds: NumberBounds = {},
  common: Common = {},
): OptionalOption<number | undefined> => ({
  describe,
  placeholder,
  words: "number",
  absent: undefined,
  read: (words, name) => (words.length === 0 ? plain : readNumber(only(words), name, true, bounds)),
  ...common,
});

/** One of the choices, where none is written behind the option the first; false by `--no-NAME`. */
export function choiceOrNo<const Choice extends string>(
  choices: readonly [Choice, ...Choice[]],
  describe: string,
  placeholder: string,
): OptionalOption<Choice | false | undefined> {
  const { read, ...option } = choice(choices, describe);
  return {
    ...option,
    placeholder,
    words: "choice",
    negatable: true,
    absent: undefined,
    read: (words, name) => (words.length === 0 ? choices[0] : only(words) === "no" ? false : read(words, name)),
  };
}

/** Two or several values of an option that takes one. */
export const list = <Value>(
  option: OptionalOption<Value | undefined>,
  words: 2 | "several" = "several",
): OptionalOption<readonly Value[] | undefined> => ({
  ...option,
  words,
  absent: undefined,
  read: (given, name) =>
    given.flatMap((word) => {
      const value = option.read([word], name);
      return value === undefined ? [] : [value];
    }),
});

/** Values of an option with a fixed number of words, one each time that it is given. */
export const repeated = <Value>(
  option: OptionalOption<Value | undefined>,
): OptionalOption<readonly Value[] | undefined> => ({
  ...option,
  absent: undefined,
  repeatable: true,
  read: (given, name) => {
    const each = typeof option.words === "number" ? option.words : 1;
    return Array.from({ length: given.length / each }, (_, i) => i * each).flatMap((from) => {
      const value = option.read(given.slice(from, from + each), name);
      return value === undefined ? [] : [value];
    });
  },
});

/** The value of such an option; given several times, a list of its values. */
export function oneOrSeveral(option: OptionalOption): OptionalOption {
  const several = repeated(option);
  return {
    ...several,
    read: (given, name) => {
      const values = several.read(given, name) ?? [];
      return values.length === 1 ? values[0] : values;
    },
  };
}

/** An option that must be given. */
export function required<Value>({ absent: _, ...option }: OptionalOption<Value | undefined>): RequiredOption<Value> {
  const read = (words: readonly string[], name: string): Value => {
    const value = option.read(words, name);
    if (value === undefined) throw new UsageError(`${name} needs a value`);
    return value;
  };
  return { ...option, required: true, read };
}

/** An option with a value that counts where it is not given, shown in the help. */
export const withDefault = <Value>(option: OptionalOption<Value | undefined>, value: Value): OptionalOption<Value> => ({
  ...option,
  describe: `${option.describe} [${Array.isArray(value) ? value.join(" ") : String(value)}]`,
  read: (words, name) => option.read(words, name) ?? value,
  absent: value,
});

/** The same options under a heading of the help. */
export const inGroup = <Options extends Readonly<Record<string, Option>>>(group: string, options: Options): Options =>
  Object.fromEntries(Object.entries(options).map(([name, option]) => [name, { ...option, group }])) as Options;
