import { type ProxyMarked, proxy } from "comlink";

/** What a call that takes long is told by the page, and tells it. */
export interface Watcher<Progress> {
  progress(progress: Progress): void;
  /** Fulfilled when the page wants the call to end. */
  cancelled(): Promise<void>;
}

/**
 * In the page: makes a call of an engine that takes long.
 * Progress comes by a port of its own, and the browser may deliver the last of it after the result: what comes that late is
 * dropped, so that it cannot look as if the work went on.
 * @param signal ends the call.
 */
export async function longCall<Progress, Result>(
  signal: AbortSignal,
  progress: (progress: Progress) => void,
  call: (watcher: Watcher<Progress> & ProxyMarked) => Promise<Result>,
): Promise<Result> {
  let ended = false;
  const watcher = proxy({
    progress: (now: Progress) => {
      if (!ended) progress(now);
    },
    cancelled: () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      }),
  });
  try {
    return await call(watcher);
  } finally {
    ended = true;
  }
}

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
