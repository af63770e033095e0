import { answerDecode, decodeTask } from "./cache/decode-task.js";
import type { Storage } from "./storage/storage.js";

/**
 * Does a task: what a worker calls, with a storage of its own, for each message that `WorkerTeam.run` sent.
 * @throws RangeError for a task that is not known; what the task throws.
 */
export async function runTask(storage: Storage, task: string, request: unknown): Promise<unknown> {
  if (task !== decodeTask) throw new RangeError(`there is no task "${task}"`);
  return answerDecode(storage, request);
}
