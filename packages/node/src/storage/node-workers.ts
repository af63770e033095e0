import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import {
  ThreadTeam,
  type WorkerAnswer,
  WorkerEnded,
  type WorkerRequest,
  type Workers,
  type WorkerThread,
} from "@lobule/data";
import { removePartialsOfThreads } from "./partial-file.js";

/** The compiled worker: beside this file, or, when this runs from its source, in the build's folder. */
const compiledWorker = (): URL => {
  const beside = new URL("./task-worker.js", import.meta.url);
  return existsSync(beside) ? beside : new URL("../../dist/storage/task-worker.js", import.meta.url);
};

/** Node's worker threads. */
export const nodeWorkers: Workers = {
  usual: Math.max(1, Math.min(4, availableParallelism() - 1)),
  start(count) {
    const threads = Array.from({ length: count }, () => new NodeThread());
    const numbers = new Set(threads.map(({ number }) => number));
    return new ThreadTeam(threads, (folder) => removePartialsOfThreads(folder, numbers));
  },
};

class NodeThread implements WorkerThread {
  private readonly worker = new Worker(compiledWorker(), { execArgv: [] });
  /** A thread that has ended has none any more. */
  readonly number = this.worker.threadId;

  ask(request: WorkerRequest): Promise<WorkerAnswer> {
    const { worker } = this;
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new WorkerEnded("the worker ended before it answered"));
      worker.once("exit", ended);
      worker.once("error", reject);
      worker.once("message", (answer: WorkerAnswer) => {
        worker.off("exit", ended);
        worker.off("error", reject);
        resolve(answer);
      });
      worker.postMessage(request);
    });
  }

  async terminate(): Promise<void> {
    this.worker.removeAllListeners();
    await this.worker.terminate();
  }
}
