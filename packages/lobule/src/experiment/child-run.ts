import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { requestStop } from "../shared/interruption.js";

/** How a command ended. */
export interface ChildEnd {
  readonly code: number | null;
  /** What was wrong, by the last sentence of its error stream, without a full stop. */
  readonly sentence: string;
}

export interface ChildOptions {
  /** What LOBULE_ADAPTER is to be; as it is here where undefined. */
  readonly adapter: string | undefined;
  readonly signal: AbortSignal;
  /** Each line of its output. */
  readonly onLine?: (line: string) => void;
  /** Each note of its error stream, as it is there: "note: …". */
  readonly onNote?: (note: string) => void;
}

/**
 * Runs this program with other words in a process of its own. It stops like after Ctrl-C when the signal says so, and
 * when this process is gone.
 */
export function runChild(
  words: readonly string[],
  { adapter, signal, onLine, onNote }: ChildOptions,
): Promise<ChildEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...words], {
      stdio: ["pipe", "pipe", "pipe"],
      // Ctrl-C reaches this process alone, which asks its children to stop.
      detached: true,
      env: {
        ...process.env,
        LOBULE_STOP_WITH_INPUT: "1",
        ...(adapter === undefined ? {} : { LOBULE_ADAPTER: adapter }),
      },
    });
    const stop = (): boolean => child.kill("SIGINT");
    signal.addEventListener("abort", stop);
    let errors = "";
    createInterface(child.stdout).on("line", (line) => onLine?.(line));
    createInterface(child.stderr).on("line", (line) => {
      errors = `${errors}${line}\n`.slice(-4000);
      if (line.startsWith("note: ")) onNote?.(line);
    });
    child.on("error", reject);
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop);
      resolve({ code, sentence: sentenceOf(errors) });
    });
  });
}

/** The last sentence that a command said of an error, or else its last line, to be followed by more. */
export function sentenceOf(errors: string): string {
  const lines = errors.trim().split("\n");
  const said = lines.findLast((line) => line.startsWith("lobule: ")) ?? lines.at(-1) ?? "";
  return said.replace(/^lobule: /, "").replace(/\.$/, "");
}

/** Stops this process when its input ends, where {@link runChild} started it: its parent is gone then. */
export function stopWithInput(): void {
  if (process.env.LOBULE_STOP_WITH_INPUT === undefined) return;
  process.stdin.resume();
  process.stdin.on("end", () => requestStop({ exitCode: 130, because: "the process that started this one is gone" }));
  process.stdin.unref();
}
