import { proxy } from "comlink";

/** What a call that takes long is told by the page, and tells it. */
export interface Watcher<Progress> {
  progress(progress: Progress): void;
  /** Fulfilled when the page wants the call to end. */
  cancelled(): Promise<void>;
}

/** In the page: what is handed to a call of an engine. */
export const watcher = <Progress>(
  signal: AbortSignal,
  progress: (progress: Progress) => void,
): Watcher<Progress> & ReturnType<typeof proxy<Watcher<Progress>>> =>
  proxy({
    progress,
    cancelled: () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      }),
  });

/** In the worker: a signal that is aborted when the page wants the call to end. */
export function signalOf(watcher: Watcher<never>): AbortSignal {
  const controller = new AbortController();
  void Promise.resolve(watcher.cancelled()).then(() => controller.abort(new Cancelled()));
  return controller.signal;
}

/** A call that the page has ended; nobody needs to be told. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
  constructor() {
    super("cancelled");
  }
}
