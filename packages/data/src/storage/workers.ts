/** Threads for work that takes long: decoding, never the GPU. */
export interface Workers {
  /** How many are usual on this machine; 0 where there are none. */
  readonly usual: number;
  /** Starts so many, at least 1. @throws RangeError where there are none. */
  start(count: number): WorkerTeam;
}

/** Workers that do one task after another. */
export interface WorkerTeam {
  /**
   * Does a task of `runTask`, as soon as one of the workers is free. Request and answer are copied.
   * @throws WorkerEnded; Error where the task throws.
   */
  run(task: string, request: unknown): Promise<unknown>;
  /**
   * Ends the workers, whatever they do, and removes what they have begun to write. Tasks under way never end.
   * @param folders that they write into.
   */
  stop(folders: readonly string[]): Promise<void>;
}

/** A worker that ended before its answer, as for lack of memory. */
export class WorkerEnded extends Error {
  override readonly name = "WorkerEnded";
}
