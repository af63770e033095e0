import { type ChildProcess, spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, readText, shellWord } from "@lobule/data";
import { nodeStorage } from "@lobule/node";
import { CardWatch } from "./card-memory.js";
import type { Measured, Part, PartCommand, PartResult, Reading } from "./part.js";
import { watchPeakMemory } from "./peak-memory.js";

/** Lines that are kept of a part that is not done. */
const keptLines = 12;
/** Characters that are kept of an output at most; no part prints more than a few millions. */
const keptOutput = 64e6;
/** Milliseconds that a process which was asked to stop has for it, and that an output has once its process is gone. */
const grace = 1000;

/** How a process ended. */
interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  readonly stopped: "timed out" | "interrupted" | undefined;
  /** Why it could not be run at all. */
  readonly unusable: string | undefined;
  readonly seconds: number;
  readonly residentBytes: number | null;
}

/** Sends a signal to a process and to all that it has started. */
function signalAll({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // All of them are gone.
  }
}

/**
 * Runs a program in a process group of its own, for so many seconds at most. It is over when that process has ended,
 * whatever still holds its output, and nothing of its group is left then.
 */
async function runProcess({ command, cwd }: Part, limit: number, signal: AbortSignal): Promise<Ended> {
  const { file, start = [], words, environment } = command;
  const started = performance.now();
  const child = spawn(file, [...start, ...words], {
    cwd,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  const texts = { output: "", errors: "" };
  const keep = (name: keyof typeof texts) => (bytes: Buffer) => {
    texts[name] = (texts[name] + bytes.toString()).slice(-keptOutput);
  };
  child.stdout.on("data", keep("output"));
  child.stderr.on("data", keep("errors"));
  const memory = child.pid === undefined ? () => null : watchPeakMemory(child.pid);
  let stopped: Ended["stopped"];
  const stop = (why: "timed out" | "interrupted"): void => {
    stopped ??= why;
    signalAll(child, "SIGTERM");
    setTimeout(() => signalAll(child, "SIGKILL"), grace).unref();
  };
  const interrupt = (): void => stop("interrupted");
  // This process may be ended at once, by a second Ctrl-C.
  const killAll = (): void => signalAll(child, "SIGKILL");
  const timer = setTimeout(() => stop("timed out"), 1000 * limit);
  signal.addEventListener("abort", interrupt);
  if (signal.aborted) interrupt();
  process.prependListener("exit", killAll); // before anything removes the files that they write
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const [code, unusable] = await new Promise<[number | null, string | undefined]>((resolve) => {
    child.once("error", (error) => resolve([null, messageOf(error)]));
    child.once("exit", (status) => resolve([status, undefined]));
  });
  clearTimeout(timer);
  signal.removeEventListener("abort", interrupt);
  const seconds = (performance.now() - started) / 1000;
  const residentBytes = memory();
  if (unusable === undefined) {
    killAll();
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, grace).unref())]);
  }
  process.off("exit", killAll);
  for (const stream of [child.stdout, child.stderr]) stream.destroy();
  return { code, ...texts, stopped, unusable, seconds, residentBytes };
}

/** The end of what a process said of itself: of its errors, or of its output where it wrote none. */
const lastLines = ({ errors, output }: Pick<Ended, "errors" | "output">): string[] =>
  (errors.trim() === "" ? output : errors)
    .trimEnd()
    .split("\n")
    .slice(-keptLines)
    .map((line) => line.slice(0, 500));

/** Why a process did not end as it should. */
function failureOf({ unusable, stopped, code }: Ended, limit: number): string | undefined {
  if (unusable !== undefined) return `it cannot be run: ${unusable}`;
  if (stopped === "timed out") return `it took longer than ${Number(limit.toFixed(1))} s`;
  if (stopped === "interrupted") return "the run was interrupted";
  return code === 0 ? undefined : `it ended with ${code === null ? "a signal" : `exit code ${code}`}`;
}

const isGiven = (text: string): boolean => text !== "";

/** Bytes of all files in a folder; null where there is none. */
async function bytesOf({ cwd, folder }: Part): Promise<number | null> {
  if (folder === undefined) return null;
  const entries = await readdir(join(cwd, folder), { withFileTypes: true, recursive: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What a part's result says, and why it cannot be read where it cannot. */
type Read = Reading & { readonly unreadable?: string };

/** Also of a part that failed, whose result may say what was wrong. */
async function readingOf(part: Part, output: string, measured: Measured): Promise<Read> {
  try {
    const text = part.file === undefined ? output : await readText(nodeStorage, join(part.cwd, part.file), "record");
    return part.read(text, measured);
  } catch (error) {
    return { figures: [], notes: [], unreadable: `its result cannot be read: ${messageOf(error).split("\n")[0]}` };
  }
}

/**
 * Runs a part for so many seconds at most. It never throws: what went wrong is in the result.
 * @param limit seconds.
 */
export async function runPart(part: Part, limit: number, signal: AbortSignal): Promise<PartResult> {
  const { name, title, command } = part;
  const watch = part.watchesCard === true ? await CardWatch.start() : undefined;
  const ended = await runProcess(part, limit, signal);
  const { seconds, residentBytes } = ended;
  const measured = { seconds, residentBytes, card: watch?.stop() ?? null, folderBytes: await bytesOf(part) };
  const failure = failureOf(ended, limit);
  const isOver = ended.stopped === undefined && ended.unusable === undefined;
  const reading: Read = isOver ? await readingOf(part, ended.output, measured) : { figures: [], notes: [] };
  const { figures, notes, unreadable } = reading;
  const why = failure ?? unreadable;
  return {
    name,
    title,
    command: textOf(command),
    status: why === undefined ? "done" : (ended.stopped ?? "failed"),
    why,
    measured,
    figures,
    notes,
    lastLines: why === undefined ? [] : lastLines(ended).filter(isGiven),
  };
}

/** A command as it would be given to a shell. */
export function textOf({ name, words, environment = {} }: PartCommand): string {
  const variables = Object.entries(environment).map(([variable, value]) => `${variable}=${shellWord(value)}`);
  return [...variables, name, ...words.map(shellWord)].join(" ");
}
