import { mapBounded } from "../bounded.js";
import { DataError } from "../data-error.js";
import { dirName } from "../storage/paths.js";
import type { Storage } from "../storage/storage.js";
import { WorkerEnded, type WorkerTeam } from "../storage/workers.js";
import type { DecodeRequest } from "./cache-entry.js";
import { CacheWriteError } from "./decode-case.js";
import { answerDecode, type DecodeAnswer, decodeAnswer, decodeTask } from "./decode-task.js";

export interface DecodeOptions {
  /** Workers, each with at most one volume in memory; 0 decodes in this thread. */
  readonly workers: number;
  readonly signal?: AbortSignal;
  /** @param written whether an entry was written, or one of that content was there. */
  readonly onDone: (request: DecodeRequest, written: boolean) => void;
}

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
export async function decodeCases(
  storage: Storage,
  requests: readonly DecodeRequest[],
  { workers, signal, onDone }: DecodeOptions,
): Promise<BadCase[]> {
  const bad: BadCase[] = [];
  const note = (request: DecodeRequest, answer: DecodeAnswer): void => {
    if (answer.kind === "cache") throw new CacheWriteError(answer.message);
    if (answer.kind === "done") onDone(request, answer.written);
    else bad.push({ name: request.files.name, message: answer.message });
  };
  signal?.throwIfAborted();
  if (workers > 0 && requests.length > 0) await decodeElsewhere(storage, requests, { workers, signal, note });
  else
    for (const request of requests) {
      signal?.throwIfAborted();
      note(request, await answerDecode(storage, request));
    }
  return bad;
}

interface Elsewhere {
  readonly workers: number;
  readonly signal: AbortSignal | undefined;
  readonly note: (request: DecodeRequest, answer: DecodeAnswer) => void;
}

async function decodeElsewhere(
  storage: Storage,
  requests: readonly DecodeRequest[],
  { workers, signal, note }: Elsewhere,
): Promise<void> {
  const count = Math.min(workers, requests.length);
  const team = storage.workers.start(count);
  let stop: (reason: unknown) => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const onAbort = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", onAbort);
  try {
    const all = mapBounded(requests, count, async (request) => note(request, await ask(team, request)));
    await Promise.race([aborted, all]);
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await team.stop([...new Set(requests.map(({ path }) => dirName(path)))]);
  }
}

async function ask(team: WorkerTeam, request: DecodeRequest): Promise<DecodeAnswer> {
  try {
    return decodeAnswer.parse(await team.run(decodeTask, request));
  } catch (error) {
    const { name } = request.files;
    if (error instanceof WorkerEnded)
      throw new DataError(`${name}: the decoder ended, probably for lack of memory; use fewer --workers`);
    throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
