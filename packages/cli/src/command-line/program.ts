import { basename, delimiter, dirname, extname, relative } from "node:path";

/** What tells how this process was started. */
export interface Start {
  readonly argv: readonly string[];
  readonly argv0: string;
  readonly execArgv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const thisStart = (): Start => ({
  ...{ argv: process.argv, argv0: process.argv0, execArgv: process.execArgv, cwd: process.cwd(), env: process.env },
});

/** A word as POSIX shells read it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** How the user called this program, without its words: as a shell can run it again from the user's folder. */
function programOf({ argv, argv0, execArgv, cwd, env }: Start): string {
  // The archive's starter says how it was called.
  if (env.LOBULE_COMMAND !== undefined) return quoted(env.LOBULE_COMMAND);
  const script = argv[1] ?? "lobule";
  if (basename(script, extname(script)) !== "lobule") return "lobule";
  if (env.npm_command === "exec" || env.npm_command === "run-script") return "npx lobule";
  const onPath = (env.PATH ?? "").split(delimiter).includes(dirname(script));
  if (onPath && extname(script) === "") return "lobule";
  const near = relative(cwd, script);
  const path = near.startsWith("..") ? script : near;
  return [argv0, ...execArgv, path].map(quoted).join(" ");
}

/**
 * A command of this program that can be pasted into the user's shell as it stands: the way it was started, the adapter
 * that was asked for, and from the user's folder where npm runs scripts in another.
 */
export function commandLine(words: readonly string[], start: Start = thisStart()): string {
  return withProgram(words.map(quoted).join(" "), start);
}

function withProgram(words: string, start: Start): string {
  const { cwd, env } = start;
  const adapter = env.LOBULE_ADAPTER ? `LOBULE_ADAPTER=${quoted(env.LOBULE_ADAPTER)} ` : "";
  const line = `${adapter}${programOf(start)} ${words}`;
  return env.INIT_CWD === undefined || env.INIT_CWD === cwd ? line : `(cd ${quoted(cwd)} && ${line})`;
}

/** A message whose commands, written as `lobule …` in backquotes, are as {@link commandLine} has them. */
export const withCommands = (message: string, start: Start = thisStart()): string =>
  message.replaceAll(/`lobule ([^`\n]*)`/g, (_, words: string) => withProgram(words, start));
