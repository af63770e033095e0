import type { WorkerTeam } from "./workers.js";

/** What a worker is sent. */
export interface WorkerRequest {
  readonly task: string;
  readonly request: unknown;
}

/** What it answers. */
export type WorkerAnswer =
  | { readonly kind: "done"; readonly result: unknown }
  | { readonly kind: "failed"; readonly message: string };

/** A thread of any runtime that answers one request after another. */
export interface WorkerThread {
  /** @throws WorkerEnded where it ends before it has answered. */
  ask(request: WorkerRequest): Promise<WorkerAnswer>;
  /** Ends it, whatever it does; what it was asked is never answered. */
  terminate(): Promise<void>;
}

/** A team of threads, which a runtime makes. */
export class ThreadTeam implements WorkerTeam {
  private readonly idle: WorkerThread[];
  private readonly waiting: ((thread: WorkerThread) => void)[] = [];
  private stopped = false;

  /** @param clean removes from a folder what the threads, which have ended, began to write. */
  constructor(
    private readonly threads: readonly WorkerThread[],
    private readonly clean: (folder: string) => Promise<void>,
  ) {
    this.idle = [...threads];
  }

  async run(task: string, request: unknown): Promise<unknown> {
    if (this.stopped) throw new Error("the workers have been stopped");
    const thread = this.idle.pop() ?? (await new Promise<WorkerThread>((free) => this.waiting.push(free)));
    const answer = await thread.ask({ task, request });
    const next = this.waiting.shift();
    if (next === undefined) this.idle.push(thread);
    else next(thread);
    if (answer.kind === "failed") throw new Error(answer.message);
    return answer.result;
  }

  async stop(folders: readonly string[]): Promise<void> {
    this.stopped = true;
    await Promise.all(this.threads.map((thread) => thread.terminate()));
    for (const folder of folders) await this.clean(folder);
  }
}
