import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import type { Finding } from "./campaign.js";

/** One input of one reader. */
export interface Input {
  readonly reader: string;
  /** From 0. */
  readonly number: number;
}

/** What a campaign in a thread of its own says of itself. */
export type Message =
  | { readonly kind: "input"; readonly input: Input }
  | { readonly kind: "finding"; readonly finding: Finding }
  | { readonly kind: "reader"; readonly name: string; readonly inputs: number; readonly read: number };

export interface WatchOptions {
  /** A thread that reads from this input on, from the first one where it is not given. It keeps its files in `folder`. */
  readonly start: (folder: string, from: Input | undefined) => Worker;
  /** Seconds that an input may take. */
  readonly limit: number;
  readonly onMessage: (message: Message) => void;
  /** The command that reads an input again. */
  readonly again: (input: Input) => string;
}

/** Inputs without an end after which a reader is left. */
const mostEndless = 3;

/**
 * Runs a campaign in a thread. Where an input has no end the thread is ended, the input reported, and another thread
 * begun with the next input.
 */
export async function watched({ start, limit, onMessage, again }: WatchOptions): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lobule-fuzz-"));
  const endless = new Map<string, number>();
  try {
    let stuck = await ended(start(folder, undefined), limit, onMessage);
    while (stuck !== undefined) {
      const { reader, number } = stuck;
      onMessage({
        kind: "finding",
        finding: { reader, problem: `had not ended after ${limit} s`, again: again(stuck) },
      });
      const count = (endless.get(reader) ?? 0) + 1;
      endless.set(reader, count);
      const next = count < mostEndless ? number + 1 : Number.MAX_SAFE_INTEGER;
      stuck = await ended(start(folder, { reader, number: next }), limit, onMessage);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits for a thread; the input that it could not get beyond, if there is one. */
function ended(worker: Worker, limit: number, onMessage: (message: Message) => void): Promise<Input | undefined> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let last: Input | undefined;
    const expire = (): void => {
      const input = last;
      if (input === undefined) return;
      worker.removeAllListeners();
      worker.terminate().then(() => resolve(input), reject);
    };
    worker.on("message", (message: Message) => {
      clearTimeout(timer);
      // The preparation of the next reader is not watched.
      last = message.kind === "input" ? message.input : message.kind === "reader" ? undefined : last;
      if (last !== undefined) timer = setTimeout(expire, limit * 1000);
      onMessage(message);
    });
    worker.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    worker.once("exit", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
