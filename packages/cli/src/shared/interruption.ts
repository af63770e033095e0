/**
 * Runs work that can be ended by Ctrl-C (SIGINT) or SIGTERM: the first one asks it to stop through the signal, the
 * second one ends the process at once.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let asked = false;
  const stop = (): void => {
    if (asked) process.exit(130);
    asked = true;
    console.error("\nstopping after this step; once more to stop at once");
    controller.abort();
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
