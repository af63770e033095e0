import { answerDecode, decodeTask } from "./cache/decode-task.js";
import type { Storage } from "./storage/storage.js";
import type { WorkerAnswer, WorkerRequest } from "./storage/worker-team.js";

/**
 * Does a task: what a worker calls, with a storage of its own, for each message that `WorkerTeam.run` sent. What the task
 * throws is the answer.
 */
export async function runTask(storage: Storage, { task, request }: WorkerRequest): Promise<WorkerAnswer> {
  try {
    if (task !== decodeTask) throw new RangeError(`there is no task "${task}"`);
    return { kind: "done", result: await answerDecode(storage, request) };
  } catch (error) {
    return { kind: "failed", message: error instanceof Error ? error.message : String(error) };
  }
}
