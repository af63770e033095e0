import { constants } from "node:os";
import { reason } from "@lobule/data";
import { warn } from "./output.js";

/** What is said when work is asked to stop. */
export interface Words {
  /** At once: what is still awaited; nothing is said where it is empty. */
  readonly stopping: string;
  /** In the end, where the work could not be brought to one: what there is of it, and what to do. */
  readonly stopped: string;
}

/** The end of work that was asked to stop before it was done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";

  /** @param exitCode of the process, see {@link exitCodeOf}. */
  constructor(
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}

/** Signals that ask to stop. A closed output counts as SIGPIPE, which Node itself ignores. */
type StopSignal = "SIGHUP" | "SIGINT" | "SIGPIPE" | "SIGTERM";

/** The exit code of a process that a signal ended, as shells have it: 128 and the signal's number. */
export const exitCodeOf = (signal: StopSignal): number => 128 + constants.signals[signal];

/** A wish that the process ends. */
export interface StopRequest {
  readonly exitCode: number;
  /** What is the matter, where the one who looks at the terminal did not cause it. */
  readonly because?: string;
}

/** Stops the work under way; undefined where none can be stopped in an orderly way. */
let stopWork: ((request: StopRequest) => void) | undefined;

/** Asks the work under way to stop, as a signal does; ends the process where there is none. */
export function requestStop(request: StopRequest): void {
  if (stopWork === undefined) process.exit(request.exitCode);
  stopWork(request);
}

/** Those that are handled; a closed output is found by writing to it. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Milliseconds in which the same signal again is the first one's echo: npm passes on a Ctrl-C that the terminal sent too. */
const echo = 100;

/**
 * Runs work that can be ended by Ctrl-C (SIGINT), SIGTERM, SIGHUP or a closed output: the first of them asks it to stop
 * through the signal, whose reason is an {@link Interrupted}. A second SIGINT or SIGTERM ends the process at once. A
 * terminal that closes sends SIGHUP more than once, so that one asks for no haste.
 */
export async function interruptible<T>(
  { stopping, stopped }: Words,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stop = ({ exitCode, because }: StopRequest): void => {
    if (controller.signal.aborted) return;
    controller.abort(new Interrupted(stopped, exitCode));
    if (stopping === "") return;
    warn(`${because === undefined ? "" : `${because}; `}${stopping}; once more to stop at once`);
  };
  let last: { readonly signal: StopSignal; readonly at: number } | undefined;
  const onSignal = (signal: StopSignal): void => {
    const [before, at] = [last, performance.now()];
    last = { signal, at };
    const echoed = before?.signal === signal && at - before.at < echo;
    if (controller.signal.aborted && signal !== "SIGHUP" && !echoed) process.exit(exitCodeOf(signal));
    stop({ exitCode: exitCodeOf(signal) });
  };
  for (const signal of signals) process.on(signal, onSignal);
  const outer = stopWork;
  stopWork = stop;
  try {
    return await work(controller.signal);
  } finally {
    stopWork = outer;
    for (const signal of signals) process.off(signal, onSignal);
  }
}

/**
 * Runs work that keeps nothing where it is stopped: a signal ends the process, but after what its "exit" listeners tidy
 * up, which a signal that nobody handles leaves out.
 */
export async function endedAtOnce<T>(work: () => Promise<T>): Promise<T> {
  const end = (signal: StopSignal): void => process.exit(exitCodeOf(signal));
  for (const signal of signals) process.on(signal, end);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}

/**
 * Lets an output that nobody reads any more, as after `| head`, ask to stop like a signal, and likewise one that cannot
 * be written, as on a full disk. Without this each would end the process in the middle of its work.
 */
export function watchOutput(): void {
  for (const [stream, name] of [
    [process.stdout, "standard output"],
    [process.stderr, "standard error"],
  ] as const) {
    // Each further write fails too.
    stream.on("error", () => undefined);
    stream.once("error", (error) => {
      const closed = "code" in error && error.code === "EPIPE";
      const exitCode = closed ? exitCodeOf("SIGPIPE") : 1;
      // Work that is finished nonetheless has not said all it had to say.
      process.exitCode = exitCode;
      const because = closed ? `nobody reads ${name} any more` : `cannot write to ${name}: ${reason(error)}`;
      if (stopWork === undefined && !closed) warn(`lobule: ${because}`);
      requestStop({ exitCode, because });
    });
  }
}
