import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { WorkerEnded, type Workers, type WorkerTeam } from "@lobule/data";
import { removePartialsOfThreads } from "./partial-file.js";
import type { WorkerAnswer } from "./worker-answer.js";

/** The compiled worker: beside this file, or, when this runs from its source, in the build's folder. */
const compiledWorker = (): URL => {
  const beside = new URL("./task-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/storage/task-worker.js", import.meta.url);
};

/** Node's worker threads. */
export const nodeWorkers: Workers = {
  usual: Math.max(1, Math.min(4, availableParallelism() - 1)),
  start: (count) => new ThreadTeam(count),
};

class ThreadTeam implements WorkerTeam {
  private readonly threads: readonly Worker[];
  private readonly threadIds: ReadonlySet<number>;
  private readonly idle: Worker[];
  private readonly waiting: ((thread: Worker) => void)[] = [];
  private stopped = false;

  constructor(count: number) {
    this.threads = Array.from({ length: count }, () => new Worker(compiledWorker(), { execArgv: [] }));
    // A thread that has ended has no number any more.
    this.threadIds = new Set(this.threads.map(({ threadId }) => threadId));
    this.idle = [...this.threads];
  }

  async run(task: string, request: unknown): Promise<unknown> {
    if (this.stopped) throw new Error("the workers have been stopped");
    const thread = this.idle.pop() ?? (await new Promise<Worker>((free) => this.waiting.push(free)));
    const answer = await ask(thread, task, request);
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(thread);
    else next(thread);
    if (answer.kind === "failed") throw new Error(answer.message);
    return answer.result;
  }

  async stop(folders: readonly string[]): Promise<void> {
    this.stopped = true;
    for (const thread of this.threads) thread.removeAllListeners();
    await Promise.all(this.threads.map((thread) => thread.terminate()));
    // A thread that was stopped while it wrote leaves a part of its file.
    for (const folder of folders) await removePartialsOfThreads(folder, this.threadIds);
  }
}

function ask(thread: Worker, task: string, request: unknown): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new WorkerEnded("the worker ended before it answered"));
    thread.once("exit", ended);
    thread.once("error", reject);
    thread.once("message", (answer: WorkerAnswer) => {
      thread.off("exit", ended);
      thread.off("error", reject);
      resolve(answer);
    });
    thread.postMessage({ task, request });
  });
}
