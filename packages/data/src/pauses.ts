/** Milliseconds of work between two pauses: a signal seems to be heard at once, and the pauses cost nothing that counts. */
const between = 50;

/**
 * Pauses in long work of the host, in which the event loop handles what has come meanwhile, such as a signal. Without
 * them nothing else happens until the work is done.
 */
export class Pauses {
  #last = performance.now();

  /** @param signal ends the work at a pause. */
  constructor(private readonly signal?: AbortSignal) {}

  /** Whether the work has gone on long enough. To be asked after each piece of less than a few milliseconds. */
  get due(): boolean {
    return performance.now() - this.#last >= between;
  }

  /** @throws the signal's reason where it says so. */
  check(): void {
    this.signal?.throwIfAborted();
  }

  /** Lets other work come first. @throws the signal's reason where it says so. */
  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.check();
    this.#last = performance.now();
  }
}
