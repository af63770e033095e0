import { basename, delimiter, dirname, extname, relative } from "node:path";
import { shellWord } from "@lobule/data";

/** What tells how this process was started. */
export interface Start {
  readonly argv: readonly string[];
  readonly argv0: string;
  readonly execArgv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const thisStart = (): Start => ({
  argv: process.argv,
  argv0: process.argv0,
  execArgv: process.execArgv,
  cwd: process.cwd(),
  env: process.env,
});

/** How the user called this program, without its words: as a shell can run it again from the user's folder. */
function programOf({ argv, argv0, execArgv, cwd, env }: Start): string {
  // The archive's starter says how it was called.
  if (env.LOBULE_COMMAND !== undefined) return shellWord(env.LOBULE_COMMAND);
  const script = argv[1] ?? "lobule";
  if (basename(script, extname(script)) !== "lobule") return "lobule";
  const folder = dirname(script);
  // npx puts the folder of links on the search path for itself alone.
  if (extname(script) === "" && basename(folder) === ".bin") return "npx lobule";
  if (extname(script) === "" && (env.PATH ?? "").split(delimiter).includes(folder)) return "lobule";
  const near = relative(cwd, script);
  const path = near.startsWith("..") ? script : near;
  return [argv0, ...execArgv, path].map(shellWord).join(" ");
}

/**
 * Words of this program as a command that can be run in the user's shell as it stands: the way it was started, the
 * adapter that was asked for, and from the user's folder where npm runs scripts in another.
 */
function withProgram(words: string, start: Start): string {
  const { cwd, env } = start;
  const adapter = env.LOBULE_ADAPTER ? `LOBULE_ADAPTER=${shellWord(env.LOBULE_ADAPTER)} ` : "";
  const line = `${adapter}${programOf(start)} ${words}`;
  return env.INIT_CWD === undefined || env.INIT_CWD === cwd ? line : `(cd ${shellWord(cwd)} && ${line})`;
}

/**
 * A message whose commands, written as `lobule …` in backquotes, are such as can be run as they stand.
 * @param mark stands before and behind each of them.
 */
export const withCommands = (message: string, start: Start = thisStart(), mark = ""): string =>
  message.replaceAll(/`lobule ([^`\n]*)`/g, (_, words: string) => mark + withProgram(words, start) + mark);
