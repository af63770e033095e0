import {
  ThreadTeam,
  type WorkerAnswer,
  WorkerEnded,
  type WorkerRequest,
  type Workers,
  type WorkerThread,
} from "@lobule/data";

const bundledWorker = (name: string): Worker =>
  new Worker(new URL("./task-worker.js", import.meta.url), { type: "module", name });

/**
 * The browser's workers, which a worker may start too.
 * @param start a worker of that name.
 * @param clean removes from a folder what writers of these names began, who have ended.
 */
export const webWorkers = (
  start = bundledWorker,
  clean: (folder: string, ended: ReadonlySet<string>) => Promise<void>,
): Workers => ({
  usual: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
  start(count) {
    const names = Array.from({ length: count }, () => crypto.randomUUID());
    const threads = names.map((name) => new WebThread(start(name)));
    return new ThreadTeam(threads, (folder) => clean(folder, new Set(names)));
  },
});

class WebThread implements WorkerThread {
  constructor(private readonly worker: Worker) {}

  ask(request: WorkerRequest): Promise<WorkerAnswer> {
    const { worker } = this;
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<WorkerAnswer>) => resolve(data);
      worker.onerror = ({ message }) => reject(new WorkerEnded(message ?? "the worker could not be started"));
      worker.postMessage(request);
    });
  }

  async terminate(): Promise<void> {
    this.worker.terminate();
  }
}
