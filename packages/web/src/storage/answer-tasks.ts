import { runTask, type WorkerRequest } from "@lobule/data";
import { openStorage } from "./opfs-storage.js";

/** Lets this worker do one task after another, as `openStorage` starts it for; it never touches the GPU. */
export function answerTasks(): void {
  const storage = openStorage();
  self.onmessage = async ({ data }: MessageEvent<WorkerRequest>) => {
    self.postMessage(await runTask(await storage, data));
  };
}
