import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { DataError } from "../data-error.js";
import { removePartialsOfThreads } from "../files/partial-file.js";
import { CacheWriteError, type DecodeRequest, decodeCase } from "./decode-case.js";
import type { DecodeAnswer } from "./decode-worker.js";

export interface DecodeOptions {
  /** Threads, each with at most one volume in memory; 0 decodes in this one. */
  readonly workers: number;
  /** The worker's file, where it does not lie beside this one. */
  readonly workerUrl?: URL;
  readonly signal?: AbortSignal;
  /** @param written whether an entry was written, or one of that content was there. */
  readonly onDone: (request: DecodeRequest, written: boolean) => void;
}

/** The compiled worker: beside this file, or, when this runs from its source, in the build's folder. */
const compiledWorker = (): URL => {
  const beside = new URL("./decode-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/cache/decode-worker.js", import.meta.url);
};

/** A case that cannot be used, and why. */
export interface BadCase {
  readonly name: string;
  readonly message: string;
}

/**
 * Decodes cases, several at a time. A case that cannot be used does not keep the others from it; any other error, or
 * the signal, stops all. Entries that are whole by then stay.
 * @returns the cases that cannot be used.
 * @throws CacheWriteError; DataError where a decoder ends for lack of memory; the signal's reason.
 */
export async function decodeCases(requests: readonly DecodeRequest[], options: DecodeOptions): Promise<BadCase[]> {
  const { workers, signal, onDone } = options;
  const bad: BadCase[] = [];
  signal?.throwIfAborted();
  if (workers === 0) {
    for (const request of requests) {
      signal?.throwIfAborted();
      let written: boolean;
      try {
        written = await decodeCase(request);
      } catch (error) {
        if (!(error instanceof DataError) || error instanceof CacheWriteError) throw error;
        bad.push({ name: request.files.name, message: error.message });
        continue;
      }
      onDone(request, written);
    }
    return bad;
  }
  const url = options.workerUrl ?? compiledWorker();
  const waiting = [...requests];
  const threads = Array.from({ length: Math.min(workers, requests.length) }, () => new Worker(url, { execArgv: [] }));
  const threadIds = new Set(threads.map(({ threadId }) => threadId));
  let stop: (reason: unknown) => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    await Promise.race([aborted, Promise.all(threads.map((thread) => work(thread, waiting, bad, onDone)))]);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await Promise.all(threads.map((thread) => thread.terminate()));
    // A thread that was stopped while it wrote leaves a part of its entry.
    for (const folder of new Set(requests.map(({ path }) => dirname(path)))) {
      await removePartialsOfThreads(folder, threadIds);
    }
  }
  return bad;
}

/** Gives a thread one request after another until none is left. */
async function work(
  thread: Worker,
  waiting: DecodeRequest[],
  bad: BadCase[],
  onDone: DecodeOptions["onDone"],
): Promise<void> {
  for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
    const answer = await ask(thread, request);
    const { name } = request.files;
    if (answer.kind === "cache") throw new CacheWriteError(answer.message);
    if (answer.kind === "failure") throw new Error(`${name}: ${answer.message}`);
    if (answer.kind === "done") onDone(request, answer.written);
    else bad.push({ name, message: answer.message });
  }
}

function ask(thread: Worker, request: DecodeRequest): Promise<DecodeAnswer> {
  return new Promise((resolve, reject) => {
    const ended = (): void =>
      reject(
        new DataError(`${request.files.name}: the decoder ended, probably for lack of memory; use fewer --workers`),
      );
    const failed = (error: Error): void => reject(new Error(`${request.files.name}: ${error.message}`));
    thread.once("exit", ended);
    thread.once("error", failed);
    thread.once("message", (answer: DecodeAnswer) => {
      thread.off("exit", ended);
      thread.off("error", failed);
      resolve(answer);
    });
    thread.postMessage(request);
  });
}
