import { nearest, suggestion } from "@lobule/data";
import { type Command, camel, type Options } from "./command.js";
import { flag, type Option } from "./option.js";
import { UsageError } from "./usage-error.js";

/** What every command takes. */
export const globalOptions = {
  verbose: flag("show where an error came from, and what drivers print"),
  help: flag("show this help", { short: "h" }),
  version: flag("show the version"),
} as const satisfies Options;

/** What the words of a command line ask for. */
export type Request =
  | { readonly kind: "help"; readonly command: Command | undefined; readonly prefix: string }
  | { readonly kind: "version" }
  | {
      readonly kind: "run";
      readonly command: Command;
      readonly values: Readonly<Record<string, unknown>>;
      /** Names of what was given, as they are declared. */
      readonly given: ReadonlySet<string>;
      readonly verbose: boolean;
    };

/**
 * Reads the words of a command line; nothing is opened.
 * @throws UsageError with one sentence about the first word that does not fit.
 */
export function parseCommandLine(line: readonly string[], commands: readonly Command[]): Request {
  // The only option that may come before the command: it is added to a line that failed.
  const leading = line[0] === "--verbose" ? line.slice(0, 1) : [];
  const words = line.slice(leading.length);
  const [first = "", second = ""] = words;
  if (first === "" || first === "--help" || first === "-h") {
    if (words.length === 0) throw new UsageError("name a command; --help lists them");
    return { kind: "help", command: undefined, prefix: "" };
  }
  if (first === "--version") return { kind: "version" };
  const found = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (found === undefined) return withoutCommand(first, second, commands);
  const rest = [...leading, ...words.slice(found.name.split(" ").length)];
  const { given, positionals, behind } = split(rest, found);
  if (given.has("help")) return { kind: "help", command: found, prefix: found.name };
  if (given.has("version")) return { kind: "version" };
  const values: Record<string, unknown> = {};
  const options: Options = { ...globalOptions, ...found.options };
  for (const [name, option] of Object.entries(options)) {
    const own = given.get(name);
    if (own !== undefined) values[camel(name)] = option.read(own, `--${name}`);
    else if (option.required !== true) values[camel(name)] = option.absent;
    else throw new UsageError(`${nameOf(found)} needs ${shown(name, option)}: ${option.describe}`);
  }
  const named = readPositionals(positionals, found, values, behind);
  checkTogether(found, given);
  const all = new Set([...given.keys(), ...named]);
  return { kind: "run", command: found, values, given: all, verbose: given.has("verbose") };
}

const nameOf = ({ name }: Command): string => `'${name}'`;
const shown = (name: string, { placeholder }: Option): string =>
  `--${name}${placeholder === undefined ? "" : ` ${placeholder}`}`;

/** A word that is the first of commands in two words, or none at all. */
function withoutCommand(first: string, second: string, commands: readonly Command[]): Request {
  const visible = commands.filter(({ describe }) => describe !== undefined).map(({ name }) => name);
  const inner = visible.filter((name) => name.startsWith(`${first} `));
  if (inner.length > 0) {
    if (second === "--help" || second === "-h") return { kind: "help", command: undefined, prefix: first };
    const names = inner.map((name) => name.slice(first.length + 1));
    const what = `'${first}' needs one of ${names.join(", ")} after it`;
    throw new UsageError(
      second === "" ? what : `${what}, got '${second}'${suggestion(second, names, (name) => `'${first} ${name}'`)}`,
    );
  }
  if (first.startsWith("-")) throw new UsageError(`the command comes first, got ${first}; --help lists the commands`);
  const near = suggestion(first, [...new Set(visible.map((name) => name.split(" ")[0] ?? ""))], (name) => `'${name}'`);
  throw new UsageError(`there is no command '${first}'${near === "" ? "; --help lists them" : near}`);
}

interface Split {
  /** Words of each option that was given, by its name; ["no"] for a --no-NAME. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  readonly positionals: readonly string[];
  /** What an option that may stand alone, or be given again, takes, by the word behind it that it does not take. */
  readonly behind: ReadonlyMap<string, string>;
}

/** Takes the options with their words from the command line. */
function split(words: readonly string[], { options, name: command }: Command): Split {
  const known: Options = { ...globalOptions, ...options };
  const given = new Map<string, readonly string[]>();
  const positionals: string[] = [];
  const behind = new Map<string, string>();
  let next = 0;
  while (next < words.length) {
    const word = words[next++] ?? "";
    if (word === "--") {
      positionals.push(...words.slice(next));
      break;
    }
    if (!isOption(word)) {
      positionals.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const written = equals < 0 ? word : word.slice(0, equals);
    const { name, option, negated } = optionOf(written, known, command);
    const taken = equals < 0 ? (negated ? [] : wordsAfter(words, next, option)) : [word.slice(equals + 1)];
    if (equals < 0) next += taken.length;
    const other = words[next];
    const wanted = wantedWords(written, option, taken.length);
    if (wanted !== undefined && other !== undefined) behind.set(other, wanted);
    const before = given.get(name);
    if (before !== undefined && option.words !== "several" && option.repeatable !== true)
      throw new UsageError(`${written} is given twice; give it once`);
    checkCount(written, option, taken, negated);
    given.set(name, negated ? ["no"] : [...(before ?? []), ...taken]);
  }
  return { given, positionals, behind };
}

/** What is said of a word behind an option that it does not take, though it may be meant for it. */
function wantedWords(written: string, { words, choices, repeatable }: Option, taken: number): string | undefined {
  if (typeof words === "number") {
    const each = words === 1 ? "one value" : `${words} values`;
    return repeatable === true ? `${written} takes ${each} each time that it is given: repeat it for more` : undefined;
  }
  if (words === "several" || taken > 0) return undefined;
  return `${written} takes ${words === "number" ? "a number" : `one of ${choices?.join(", ")}`}, or nothing`;
}

/** A word with a dash, but for "-" and negative numbers. */
const isOption = (word: string): boolean => /^-[^\d.]/.test(word);

function optionOf(written: string, known: Options, command: string) {
  const name = written.startsWith("--")
    ? written.slice(2)
    : (Object.entries(known).find(([, { short }]) => `-${short}` === written)?.[0] ?? "");
  const option = Object.hasOwn(known, name) ? known[name] : undefined;
  if (option !== undefined) return { name, option, negated: false };
  const positive = /^--no-(.*)$/.exec(written)?.[1] ?? "";
  const opposite = Object.hasOwn(known, positive) ? known[positive] : undefined;
  if (opposite?.negatable === true) return { name: positive, option: opposite, negated: true };
  if (opposite !== undefined) throw new UsageError(`there is no option ${written}; leave out --${positive} instead`);
  const near = suggestion(name, Object.keys(known), (each) => `--${each}`);
  throw new UsageError(`'${command}' has no option ${written}${near === "" ? "; --help lists what it takes" : near}`);
}

/** The words after an option that belong to it. */
function wordsAfter(words: readonly string[], from: number, option: Option): readonly string[] {
  const { words: count, choices = [] } = option;
  // What is nearly a choice is meant as one, and then refused as such.
  if (count === "choice")
    return words.slice(from, from + 1).filter((word) => !isOption(word) && nearest(word, choices) !== undefined);
  if (count === "number") return words.slice(from, from + 1).filter((word) => /^\d/.test(word));
  const most = count === "several" ? words.length : count;
  const end = words.findIndex((word, i) => i >= from && (isOption(word) || word === "--"));
  return words.slice(from, Math.min(from + most, end < 0 ? words.length : end));
}

function checkCount(written: string, option: Option, taken: readonly string[], negated: boolean): void {
  const { words: count, placeholder } = option;
  if (count === 0 || negated) {
    if (taken.length > 0) throw new UsageError(`${written} takes no value, got '${taken[0]}'`);
    return;
  }
  if (taken.includes("")) throw new UsageError(`${written} needs a value, got an empty one`);
  if (count === "number" || count === "choice") return;
  if (count === "several" ? taken.length > 0 : taken.length === count) return;
  const usage = `${written} ${Array(count === 2 ? 2 : 1)
    .fill(placeholder)
    .join(" ")}`;
  const what = count === 2 ? "two values" : "a value";
  throw new UsageError(`${written} needs ${what}, got ${taken.length === 0 ? "none" : taken.length}: ${usage}`);
}

/**
 * Puts the values of the positional arguments into `values`; returns the names of those that were given.
 * @param behind see {@link Split}; one of these words that is no argument was meant for its option.
 */
function readPositionals(
  words: readonly string[],
  found: Command,
  values: Record<string, unknown>,
  behind: Split["behind"],
): string[] {
  const named: string[] = [];
  let rest = words;
  for (const [name, option] of Object.entries(found.positionals)) {
    const taken = option.words === "several" ? rest : rest.slice(0, 1);
    rest = rest.slice(taken.length);
    if (taken.includes("")) throw new UsageError(`${name.toUpperCase()} needs a value, got an empty one`);
    if (taken.length > 0) {
      named.push(name);
      values[camel(name)] = readArgument(option, taken, name.toUpperCase(), behind);
    } else if (option.required !== true) values[camel(name)] = option.absent;
    else throw new UsageError(`${nameOf(found)} needs ${name.toUpperCase()}: ${option.describe}`);
  }
  const [first] = rest;
  const meant = first === undefined ? undefined : behind.get(first);
  if (meant !== undefined) throw new UsageError(`${meant}, got '${first}'`);
  if (rest.length > 0)
    throw new UsageError(`${nameOf(found)} takes no further argument, got '${rest[0]}'; quote names with spaces`);
  return named;
}

function readArgument(option: Option, words: readonly string[], name: string, behind: Split["behind"]): unknown {
  try {
    return option.read(words, name);
  } catch (error) {
    const [word = ""] = words;
    const meant = behind.get(word);
    // What is nearly an argument is meant as one.
    if (meant === undefined || nearest(word, option.choices ?? []) !== undefined) throw error;
    throw new UsageError(`${meant}, got '${word}'`);
  }
}

/** Options that have no effect beside others, or without them. */
function checkTogether({ options }: Command, given: ReadonlyMap<string, unknown>): void {
  for (const name of given.keys()) {
    const { needs, conflicts = {} } = options[name] ?? {};
    if (needs !== undefined && !given.has(needs)) {
      throw new UsageError(`--${name} has no effect without --${needs}; give both or neither`);
    }
    const other = Object.keys(conflicts).find((each) => given.has(each));
    if (other !== undefined) throw new UsageError(`--${name} cannot go with --${other}: ${conflicts[other]}`);
  }
}
