import type { Command } from "./command.js";
import type { Option } from "./option.js";
import { globalOptions } from "./parse.js";
export const shells = ["bash", "zsh"] as const;
export type Shell = (typeof shells)[number];

/** What may stand at a place of a command line. */
interface Candidates {
  readonly words: readonly string[];
  /** Whether the names of files and folders fit too. */
  readonly paths: boolean;
}

const withoutValue = ({ words }: Option): boolean => words === 0 || words === "number" || words === "choice";

/** After an option of a command; undefined where nothing can be said. */
function afterOption(option: Option): Candidates | undefined {
  if (withoutValue(option)) return undefined;
  return { words: option.choices ?? [], paths: option.path !== undefined };
}

/** Elsewhere in a command: its options, and what its arguments may be. */
function withinCommand({ options, positionals }: Command): Candidates {
  const arguments_ = Object.values(positionals);
  const flags = Object.entries({ ...options, ...globalOptions }).flatMap(([name, { negatable }]) =>
    negatable === true ? [`--${name}`, `--no-${name}`] : [`--${name}`],
  );
  return {
    words: [...arguments_.flatMap(({ choices = [] }) => choices), ...flags],
    paths: arguments_.some(({ path }) => path !== undefined),
  };
}

/** How a shell offers candidates. */
type Offer = (candidates: Candidates) => string;

const bashOffer: Offer = ({ words, paths }) =>
  `offer ${paths ? "files" : "words"}${words.length > 0 ? ` ${words.join(" ")}` : ""}`;
const zshOffer: Offer = ({ words, paths }) =>
  [...(words.length > 0 ? [`compadd -- ${words.join(" ")}`] : []), ...(paths ? ["_files"] : [])].join("; ") || ":";

/** Branches of a case statement over "command|word before". */
function branches(commands: readonly Command[], offer: Offer): string[] {
  return commands.flatMap((command) => {
    const { name, options } = command;
    const values = Object.entries(options).flatMap(([option, each]) => {
      const candidates = afterOption(each);
      const short = each.short === undefined ? "" : `|"${name}|-${each.short}"`;
      return candidates === undefined ? [] : [`    "${name}|--${option}"${short}) ${offer(candidates)} ;;`];
    });
    return [...values, `    "${name}|"*) ${offer(withinCommand(command))} ;;`];
  });
}

/** Words that begin a command line, and those that follow the first word of a command in two words. */
function starts(commands: readonly Command[], offer: Offer): string[] {
  const first = [...new Set(commands.map(({ name }) => name.split(" ")[0] ?? ""))];
  const groups = first.filter((word) => commands.some(({ name }) => name.startsWith(`${word} `)));
  return [
    ...groups.map((group) => {
      const words = commands.flatMap(({ name }) =>
        name.startsWith(`${group} `) ? [name.slice(group.length + 1)] : [],
      );
      return `    "${group}|"*) ${offer({ words, paths: false })} ;;`;
    }),
    `    "|"*) ${offer({ words: [...first, "--help", "--version"], paths: false })} ;;`,
  ];
}

/**
 * A script that completes commands, options, presets, choices and paths in a shell.
 * @param commands those that users have.
 */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  const groups = [...new Set(commands.flatMap(({ name }) => (name.includes(" ") ? [name.split(" ")[0]] : [])))].join(
    "|",
  );
  const cases = (offer: Offer): string => [...branches(commands, offer), ...starts(commands, offer)].join("\n");
  if (shell === "bash") {
    return `# Completion of lobule in Bash.
_lobule() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" name=""
  offer() {
    local kind="$1"
    shift
    mapfile -t COMPREPLY < <(compgen -W "$*" -- "$word"; [[ "$kind" == files ]] && compgen -f -- "$word")
    [[ "$kind" == files ]] && compopt -o filenames 2>/dev/null
  }
  ((COMP_CWORD > 1)) && name="\${COMP_WORDS[1]}"
  [[ "$name" =~ ^(${groups})$ ]] && ((COMP_CWORD > 2)) && name="$name \${COMP_WORDS[2]}"
  case "$name|$before" in
${cases(bashOffer)}
  esac
}
complete -F _lobule lobule`;
  }
  return `#compdef lobule
# Completion of lobule in Zsh.
_lobule() {
  local before="\${words[CURRENT-1]}" name=""
  ((CURRENT > 2)) && name="\${words[2]}"
  [[ "$name" =~ '^(${groups})$' ]] && ((CURRENT > 3)) && name="$name \${words[3]}"
  case "$name|$before" in
${cases(zshOffer)}
  esac
}
compdef _lobule lobule`;
}
