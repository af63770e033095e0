/** What is said when work is asked to stop. */
export interface Words {
  /** At once: what is still awaited. */
  readonly stopping: string;
  /** In the end, where the work could not be brought to one: what there is of it, and what to do. */
  readonly stopped: string;
}

/** The end of work that was asked to stop before it was done. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  /** Of a process that ended by SIGINT, as shells have it. */
  static readonly exitCode = 130;
}

/**
 * Runs work that can be ended by Ctrl-C (SIGINT) or SIGTERM: the first one asks it to stop through the signal, whose
 * reason is an {@link Interrupted}; the second one ends the process at once.
 */
export async function interruptible<T>(
  { stopping, stopped }: Words,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(Interrupted.exitCode);
    asked = true;
    console.error(`\n${stopping}; once more to stop at once`);
    controller.abort(new Interrupted(stopped));
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
