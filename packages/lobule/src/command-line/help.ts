import { wrap } from "../shared/text.js";
import type { Command, Options } from "./command.js";
import type { Option } from "./option.js";
import { globalOptions } from "./parse.js";

/** Column at which descriptions begin. */
const margin = 30;

/** Lines of a name with its description. */
function entry(name: string, describe: string): string[] {
  const lines = wrap(describe, " ".repeat(margin));
  const left = `  ${name}`;
  if (left.length > margin - 2) return [left, ...lines];
  return [left.padEnd(margin) + (lines[0] ?? "").trimStart(), ...lines.slice(1)];
}

const words = ({ placeholder = "", words: count }: Option): string =>
  count === "number" || count === "choice"
    ? ` [${placeholder}]`
    : count === 0
      ? ""
      : ` ${placeholder}${count === 2 ? ` ${placeholder}` : count === "several" ? "…" : ""}`;

function optionEntry(name: string, option: Option): string[] {
  const { short, negatable = false, required = false, choices, describe } = option;
  const left = `${short === undefined ? "" : `-${short}, `}--${negatable ? "[no-]" : ""}${name}${words(option)}`;
  const among = choices === undefined ? "" : `: ${choices.join(", ")}`;
  return entry(left, `${describe}${among}${required ? " (required)" : ""}`);
}

const positionalEntry = (name: string, { describe, choices }: Option): string[] =>
  entry(name.toUpperCase(), choices === undefined ? describe : `${describe}: ${choices.join(", ")}`);

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

/** Lines of the call; a command in a message may be shown as `npx lobule`. */
const usageOf = ({ name, positionals, options }: Command): string[] => {
  const parts = Object.entries(positionals).map(([positional, { required, words: count }]) => {
    const word = `${positional.toUpperCase()}${count === "several" ? "…" : ""}`;
    return required === true ? word : `[${word}]`;
  });
  const needed = Object.entries(options).flatMap(([option, each]) =>
    each.required === true ? [`--${option}${words(each)}`] : [],
  );
  const [first = "", ...others] = wrap(["npx lobule", name, ...parts, ...needed, "[options]"].join(" "), "");
  return [`\`${first.replace("npx ", "")}\``, ...others.map((line) => `      ${line}`)];
};

const byGroup = (options: Options): ReadonlyMap<string, [string, Option][]> => {
  const groups = new Map<string, [string, Option][]>();
  for (const [name, option] of Object.entries(options)) {
    const group = option.group ?? "Options";
    groups.set(group, [...(groups.get(group) ?? []), [name, option]]);
  }
  return groups;
};

/** The help of a command, 80 columns wide. */
export function commandHelp(command: Command): string {
  const { describe = "", positionals, options, examples } = command;
  const groups = [...byGroup(options)].flatMap(([title, each]) =>
    section(
      title,
      each.flatMap(([name, option]) => optionEntry(name, option)),
    ),
  );
  return [
    ...usageOf(command),
    "",
    ...wrap(describe, ""),
    ...section(
      "Arguments",
      Object.entries(positionals).flatMap(([name, option]) => positionalEntry(name, option)),
    ),
    ...groups,
    ...section(
      "Everywhere",
      Object.entries(globalOptions).flatMap(([name, option]) => optionEntry(name, option)),
    ),
    ...section(
      "Examples",
      examples.flatMap(([line, what]) => [`  \`lobule ${line}\``, ...wrap(what, "      ")]),
    ),
  ].join("\n");
}

/** The list of commands whose names begin with `prefix`, 80 columns wide. */
export function overview(commands: readonly Command[], prefix: string): string {
  const shown = commands.filter(({ name }) => prefix === "" || name.startsWith(`${prefix} `));
  return [
    `\`lobule ${prefix === "" ? "" : `${prefix} `}COMMAND [options]\``,
    ...(prefix === "" ? ["", "Train and run segmentation networks on WebGPU."] : []),
    ...section(
      "Commands",
      shown.flatMap(({ name, describe }) => (describe === undefined ? [] : entry(name, describe))),
    ),
    "",
    ...wrap("COMMAND --help shows what a command takes, --version the version.", ""),
  ].join("\n");
}
